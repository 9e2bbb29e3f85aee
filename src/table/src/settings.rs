use filbert_types::{Configuration, options};

/// How an environment starts: its mode and the configuration of its session.
///
/// ```
/// use filbert_table::EnvironmentSettings;
///
/// let settings = EnvironmentSettings::batch().with("parallelism.default", "2");
/// assert_eq!(settings.configuration().raw("execution.runtime-mode"), Some("BATCH"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct EnvironmentSettings {
    configuration: Configuration,
}

impl EnvironmentSettings {
    /// Streaming mode: queries give changelogs.
    pub fn streaming() -> EnvironmentSettings {
        EnvironmentSettings::default().with(options::RUNTIME_MODE.key, "STREAMING")
    }

    /// Batch mode: queries give final rows.
    pub fn batch() -> EnvironmentSettings {
        EnvironmentSettings::default().with(options::RUNTIME_MODE.key, "BATCH")
    }

    /// Sets an option.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> EnvironmentSettings {
        self.configuration.set(key, value);
        self
    }

    /// Sets all options of a configuration.
    #[must_use]
    pub fn with_configuration(mut self, configuration: &Configuration) -> EnvironmentSettings {
        for (key, value) in configuration.iter() {
            self.configuration.set(key, value);
        }
        self
    }

    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }
}
