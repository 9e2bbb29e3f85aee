//! Keyed state.
//!
//! - [`hash`]: the stable hash of keys, key groups, and who owns them.
//! - [`key_index`]: keys to slots, a batch at a time.
//! - [`table`]: values by slot: plain, bytes, whole rows and an index of them, rows in order, lists, ordered multisets, maps below a
//!   key, sessions, and tables by time.
//! - [`arena`]: byte strings by slot.
//! - [`error`]: what is refused.

pub mod arena;
pub mod error;
pub mod hash;
pub mod key_index;
pub mod table;

pub use error::StateError;
pub use hash::{hash_rows, key_group, key_groups_of_subtask, subtask_of_key_group};
pub use key_index::{KeyIndex, NO_SLOT};
pub use table::{
    BytesTable, Cell, Chains, ListTable, MapTable, OrderedMultiset, RowIndex, RowTable, Session,
    SessionTable, SortKeyBatch, SortedTable, TimeTable, ValueTable, equal_rows,
};
