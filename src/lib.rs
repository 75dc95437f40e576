//! dpi_engine
pub mod catalogue;
pub mod domain;
pub mod evidence;
pub mod flow;
pub mod hosts;
pub mod inspect;
pub mod key;
pub mod packet;
pub mod report;
pub mod rules;
pub mod stats;
