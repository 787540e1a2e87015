//! main.cf: its syntax, every parameter declared once, and lookup tables.
//!
//! [`MainCf`] is the text: what was set, where, and what stands in for the rest. [`DeliveryConfig`] and
//! [`RelayConfig`] are typed values read from it; they do nothing and open nothing. To add a parameter, add
//! one row to a file in `params/`: parsing, defaults, `baton config`, the manual and the tests follow.

mod config;
mod deployment;
mod expand;
mod foreign;
mod known;
mod main_cf;
pub mod manual;
mod nearest;
mod param;
pub mod params;
mod parse;
mod reader;
mod review;
pub mod show;
pub mod tables;
pub mod value;

pub use config::{DeliveryConfig, RelayConfig};
pub use deployment::{Deployment, Difference, STANDALONE};
pub use expand::ExpandError;
pub use known::{Neglect, neglect};
pub use main_cf::{MainCf, Origin, ReadError, Setting};
pub use param::{Group, Mirror, Param, Protocol, Scope, Today};
pub use parse::SyntaxError;
pub use reader::{ConfigErrors, ParamError, Reason};
pub use review::{Warning, warnings};
