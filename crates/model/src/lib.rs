#![doc = include_str!("../README.md")]

pub mod duty;
pub mod event;
pub mod evidence;
pub mod exposure;
pub mod finding;
pub mod intruder;
pub mod personal;
pub mod place;
pub mod spelling;
pub mod store;
pub mod time;
pub mod timeline;
pub mod words;

pub use duty::{ConditionResult, Duty, DutyState, Standing};
pub use event::{EventBatch, EventClass, EventFields, NumberField, Position, TextField};
pub use evidence::{Counted, CoverageGap, FileAccount, GapKind, Numbering, Seal, Tears, UnreadGroup};
pub use exposure::{Cell, Matrix, Person, Proof};
pub use finding::{Finding, Severity};
pub use intruder::{Identity, IdentityKind, Intruder, Verdict};
pub use personal::Personal;
pub use place::{Place, Residence};
pub use store::StoreFile;
pub use time::{Instant, Window};
pub use timeline::{ClockSkew, Timeline};
pub use words::{DataClass, Effect, Grade, Protection};
