//! dpi_engine
pub mod catalogue;
pub mod domain;
pub mod domain_map;
pub mod evidence;
pub mod flow;
pub mod ini;
pub mod inspect;
pub mod key;
pub mod packet;
pub mod rules;
