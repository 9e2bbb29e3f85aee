//! The slots of the embedded TaskManager, and what a job needs of them.
//!
//! Subtask `i` of every vertex of a slot sharing group runs in the group's slot `i`; a slot must hold what these subtasks
//! together ask for. Vertices that ask for nothing in particular fit any slot.

use std::collections::BTreeMap;

use filbert_graph::JobVertex;
use filbert_types::{Configuration, options};

use crate::error::JobError;

/// CPU and memory; of a request, zero asks for nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Resources {
    cpu_cores: f64,
    heap_bytes: u64,
    managed_bytes: u64,
}

impl Resources {
    fn add(&mut self, other: &Resources) {
        self.cpu_cores += other.cpu_cores;
        self.heap_bytes += other.heap_bytes;
        self.managed_bytes += other.managed_bytes;
    }

    fn subtract(&mut self, other: &Resources) {
        self.cpu_cores -= other.cpu_cores;
        self.heap_bytes = self.heap_bytes.saturating_sub(other.heap_bytes);
        self.managed_bytes = self.managed_bytes.saturating_sub(other.managed_bytes);
    }

    fn fits(&self, other: &Resources) -> bool {
        self.cpu_cores <= other.cpu_cores + 1e-9
            && self.heap_bytes <= other.heap_bytes
            && self.managed_bytes <= other.managed_bytes
    }
}

/// What a region of a job needs, all at once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SlotRequest {
    /// Slots by slot sharing group.
    groups: BTreeMap<String, usize>,
    resources: Resources,
}

impl SlotRequest {
    pub(crate) fn of<'a>(vertices: impl IntoIterator<Item = &'a JobVertex>) -> SlotRequest {
        let mut request = SlotRequest {
            groups: BTreeMap::new(),
            resources: Resources::default(),
        };
        for vertex in vertices {
            let slots = request
                .groups
                .entry(vertex.slot_sharing_group.clone())
                .or_default();
            *slots = (*slots).max(vertex.parallelism);
            let count = vertex.parallelism as u64;
            request.resources.add(&Resources {
                cpu_cores: vertex.resources.cpu_cores * vertex.parallelism as f64,
                heap_bytes: vertex.resources.heap_bytes.saturating_mul(count),
                managed_bytes: vertex.resources.managed_bytes.saturating_mul(count),
            });
        }
        request
    }

    pub(crate) fn slots(&self) -> usize {
        self.groups.values().sum()
    }
}

/// The TaskManager's slots and resources, and what of them is free. No number of slots means: as many as are asked for.
#[derive(Debug)]
pub(crate) struct SlotPool {
    total: Option<usize>,
    used: usize,
    resources: Resources,
    free: Resources,
}

impl SlotPool {
    /// # Errors
    /// When a value is wrong.
    pub(crate) fn new(configuration: &Configuration) -> Result<SlotPool, JobError> {
        let slots = configuration.get_i64(&options::TASK_SLOTS)?;
        let total = match slots {
            None => None,
            Some(slots) => Some(usize::try_from(slots).ok().filter(|s| *s > 0).ok_or_else(
                || {
                    JobError::user(format!(
                        "Could not parse value '{slots}' for key '{}': expected at least 1.",
                        options::TASK_SLOTS.key
                    ))
                },
            )?),
        };
        let cores = std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
        let resources = Resources {
            cpu_cores: configuration
                .get_f64(&options::TASK_CPU_CORES)?
                .unwrap_or(cores),
            heap_bytes: configuration
                .get_memory_bytes(&options::TASK_HEAP_MEMORY)?
                .unwrap_or(u64::MAX),
            managed_bytes: configuration
                .get_memory_bytes(&options::MANAGED_MEMORY)?
                .unwrap_or(u64::MAX),
        };
        Ok(SlotPool {
            total,
            used: 0,
            resources,
            free: resources,
        })
    }

    /// Whether the TaskManager could ever serve the request.
    ///
    /// # Errors
    /// What is too little, and how to raise it.
    pub(crate) fn check(&self, request: &SlotRequest) -> Result<(), JobError> {
        let needed = request.slots();
        if let Some(total) = self.total
            && needed > total
        {
            let groups: Vec<String> = request
                .groups
                .iter()
                .map(|(group, slots)| format!("{slots} for slot sharing group '{group}'"))
                .collect();
            return Err(JobError::user(format!(
                "Could not acquire the minimum required resources: the job needs {needed} slots ({}), the TaskManager \
                 has {total}. Raise '{}' to {needed}, or lower 'parallelism.default'.",
                groups.join(", "),
                options::TASK_SLOTS.key
            )));
        }
        if !request.resources.fits(&self.resources) {
            return Err(JobError::user(format!(
                "Could not acquire the minimum required resources: the job needs {}, the TaskManager has {}. Raise \
                 '{}', '{}' or '{}'.",
                describe(&request.resources),
                describe(&self.resources),
                options::TASK_CPU_CORES.key,
                options::TASK_HEAP_MEMORY.key,
                options::MANAGED_MEMORY.key
            )));
        }
        Ok(())
    }

    /// Takes the slots; false when other jobs hold too many of them.
    pub(crate) fn allocate(&mut self, request: &SlotRequest) -> bool {
        let enough = self
            .total
            .is_none_or(|total| self.used + request.slots() <= total);
        if !enough || !request.resources.fits(&self.free) {
            return false;
        }
        self.used += request.slots();
        self.free.subtract(&request.resources);
        true
    }

    pub(crate) fn release(&mut self, request: &SlotRequest) {
        self.used -= request.slots();
        self.free.add(&request.resources);
    }
}

fn describe(resources: &Resources) -> String {
    let bytes = |bytes: u64| {
        if bytes == u64::MAX {
            "any memory".to_owned()
        } else {
            format!("{} mb", bytes >> 20)
        }
    };
    format!(
        "{} cores, {} of task heap and {} of managed memory",
        resources.cpu_cores,
        bytes(resources.heap_bytes),
        bytes(resources.managed_bytes)
    )
}

#[cfg(test)]
mod tests {
    use filbert_graph::stream_graph::ResourceSpec;

    use super::*;

    fn vertex(group: &str, parallelism: usize, cpu_cores: f64) -> JobVertex {
        JobVertex {
            id: String::new(),
            name: String::new(),
            chain: Vec::new(),
            parallelism,
            max_parallelism: 128,
            resources: ResourceSpec {
                cpu_cores,
                ..ResourceSpec::default()
            },
            slot_sharing_group: group.to_owned(),
        }
    }

    fn pool(slots: &str) -> SlotPool {
        let settings = [
            (options::TASK_SLOTS.key.to_owned(), slots.to_owned()),
            (options::TASK_CPU_CORES.key.to_owned(), "4".to_owned()),
        ];
        SlotPool::new(&settings.into_iter().collect()).unwrap()
    }

    #[test]
    fn vertices_of_a_group_share_slots() {
        let vertices = [
            vertex("default", 2, 0.0),
            vertex("default", 3, 0.0),
            vertex("big", 1, 0.0),
        ];
        assert_eq!(SlotRequest::of(&vertices).slots(), 4);
    }

    #[test]
    fn too_few_slots_say_how_to_get_more() {
        let error = pool("2")
            .check(&SlotRequest::of(&[vertex("default", 3, 0.0)]))
            .unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("Could not acquire the minimum required resources"),
            "{message}"
        );
        assert!(
            message.contains("'taskmanager.numberOfTaskSlots' to 3"),
            "{message}"
        );
        let error = pool("4")
            .check(&SlotRequest::of(&[vertex("default", 3, 2.0)]))
            .unwrap_err();
        assert!(error.to_string().contains("6 cores"), "{error}");
    }

    #[test]
    fn slots_come_back() {
        let mut pool = pool("3");
        let request = SlotRequest::of(&[vertex("default", 2, 0.0)]);
        assert!(pool.allocate(&request));
        assert!(!pool.allocate(&request));
        pool.release(&request);
        assert!(pool.allocate(&request));
    }
}
