//! The standalone relay: a durable queue, a scheduler, worker processes that share live sessions, and the command
//! `baton` that runs and inspects it.
//!
//! In reading order: [`run`] starts everything; [`listener`] takes mail in; [`dispatch`] is the centre that
//! gives deliveries to workers and takes their results; [`pool`] owns the processes; [`control`] answers commands.

pub mod commands;
pub mod control;
pub mod demo;
pub mod dispatch;
pub mod identity;
pub mod listener;
pub mod pool;
pub mod routing;
pub mod run;
pub mod settings;
pub mod submission;
