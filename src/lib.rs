//! dpi_engine
pub mod catalogue;
pub mod cli;
pub mod domain;
pub mod evidence;
pub mod flow;
pub mod inspect;
pub mod key;
pub mod output;
pub mod packet;
pub mod rules;
