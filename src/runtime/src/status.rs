use std::fmt;

/// A job's state (Flink's `JobStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobStatus {
    Initializing,
    Created,
    Running,
    Failing,
    Failed,
    Cancelling,
    Canceled,
    Restarting,
    Finished,
    Suspended,
}

impl JobStatus {
    pub const fn name(self) -> &'static str {
        match self {
            JobStatus::Initializing => "INITIALIZING",
            JobStatus::Created => "CREATED",
            JobStatus::Running => "RUNNING",
            JobStatus::Failing => "FAILING",
            JobStatus::Failed => "FAILED",
            JobStatus::Cancelling => "CANCELLING",
            JobStatus::Canceled => "CANCELED",
            JobStatus::Restarting => "RESTARTING",
            JobStatus::Finished => "FINISHED",
            JobStatus::Suspended => "SUSPENDED",
        }
    }

    /// True when the job will not change its state any more.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            JobStatus::Failed | JobStatus::Canceled | JobStatus::Finished | JobStatus::Suspended
        )
    }

    /// The states that may follow this one.
    pub const fn may_become(self, next: JobStatus) -> bool {
        use JobStatus as S;
        match self {
            S::Initializing => matches!(
                next,
                S::Created | S::Failed | S::Canceled | S::Cancelling | S::Suspended
            ),
            S::Created => matches!(next, S::Running | S::Failing | S::Cancelling | S::Suspended),
            S::Running => matches!(
                next,
                S::Failing | S::Finished | S::Cancelling | S::Restarting | S::Suspended
            ),
            S::Failing => matches!(next, S::Failed | S::Cancelling | S::Suspended),
            S::Cancelling => matches!(next, S::Canceled | S::Suspended),
            S::Restarting => matches!(
                next,
                S::Created | S::Running | S::Failing | S::Cancelling | S::Suspended
            ),
            S::Failed | S::Canceled | S::Finished | S::Suspended => false,
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The state of one attempt to run a subtask (Flink's `ExecutionState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutionState {
    Created,
    Scheduled,
    Deploying,
    /// State is being restored.
    Initializing,
    Running,
    Finished,
    Canceling,
    Canceled,
    Failed,
}

impl ExecutionState {
    pub const ALL: [ExecutionState; 9] = [
        ExecutionState::Created,
        ExecutionState::Scheduled,
        ExecutionState::Deploying,
        ExecutionState::Initializing,
        ExecutionState::Running,
        ExecutionState::Finished,
        ExecutionState::Canceling,
        ExecutionState::Canceled,
        ExecutionState::Failed,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            ExecutionState::Created => "CREATED",
            ExecutionState::Scheduled => "SCHEDULED",
            ExecutionState::Deploying => "DEPLOYING",
            ExecutionState::Initializing => "INITIALIZING",
            ExecutionState::Running => "RUNNING",
            ExecutionState::Finished => "FINISHED",
            ExecutionState::Canceling => "CANCELING",
            ExecutionState::Canceled => "CANCELED",
            ExecutionState::Failed => "FAILED",
        }
    }

    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            ExecutionState::Finished | ExecutionState::Canceled | ExecutionState::Failed
        )
    }

    /// The states that may follow this one.
    pub const fn may_become(self, next: ExecutionState) -> bool {
        use ExecutionState as S;
        match self {
            S::Created => matches!(next, S::Scheduled | S::Canceled | S::Failed),
            S::Scheduled => matches!(next, S::Deploying | S::Canceled | S::Failed),
            S::Deploying => matches!(
                next,
                S::Initializing | S::Canceling | S::Canceled | S::Failed
            ),
            S::Initializing => matches!(next, S::Running | S::Canceling | S::Canceled | S::Failed),
            S::Running => matches!(next, S::Finished | S::Canceling | S::Canceled | S::Failed),
            S::Canceling => matches!(next, S::Finished | S::Canceled | S::Failed),
            S::Finished | S::Canceled | S::Failed => false,
        }
    }
}

impl fmt::Display for ExecutionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
