//! The embedded TaskManager: its slots and what they share.

use crate::config::ConfigOption;
use crate::config::ConfigType::{Double, Duration, Integer, MemorySize};

pub const TASK_SLOTS: ConfigOption = ConfigOption::new(
    "taskmanager.numberOfTaskSlots",
    Integer,
    "Slots of the embedded TaskManager. Unset: as many as a job needs.",
);
pub const TASK_CPU_CORES: ConfigOption = ConfigOption::new(
    "taskmanager.cpu.cores",
    Double,
    "CPU cores that the slots share. Unset: the machine's.",
);
pub const TASK_HEAP_MEMORY: ConfigOption = ConfigOption::new(
    "taskmanager.memory.task.heap.size",
    MemorySize,
    "Memory for operators' ordinary work, shared by the slots.",
);
pub const SLOT_REQUEST_TIMEOUT: ConfigOption = ConfigOption::new(
    "slot.request.timeout",
    Duration,
    "How long a job waits for slots that other jobs hold.",
)
.default("5 min");
pub const MANAGED_MEMORY: ConfigOption = ConfigOption::new(
    "taskmanager.memory.managed.size",
    MemorySize,
    "Memory for sorting, hashing and state, shared by the slots.",
);
