//! Filters packet captures by application: follows every flow, finds the names inside, applies the user's rules and
//! writes what remains.
//!
//! # The way of the data
//!
//! ```text
//! bytes ─capture→ Record ─wire::decode→ PacketView ─Observation, FlowKey→ shard
//!       ─Engine::observe→ dialogue ─inspect→ Evidence ─classify→ Classification ─rules→ Verdict ─writer→ bytes
//! Engine::finish → FlowSummary ─stats, hosts→ Report → text, JSON
//! ```
//!
//! # The floors
//!
//! A module imports lower floors and its own folder, never sideways.
//!
//! | floor | modules |
//! | --- | --- |
//! | 0 | [`packet`], [`key`], [`domain`], [`domain_map`], [`endpoints`], [`ranges`], [`ini`], [`caveats`], [`evidence`], [`observation`], [`opening`], [`services`], [`tunnel`] |
//! | 1 | [`catalogue`], [`capture`], [`community_id`], [`encrypted_dns`], [`wire`], [`inspect`] |
//! | 2 | [`flow`], [`fragments`], [`classify`], [`passive_dns`], [`rules`], [`stats`] |
//! | 3 | [`engine`] |
//! | 4 | [`hosts`] |
//! | 5 | [`pipeline`], [`report`], [`output`] |
//! | 6 | [`cli`] |
//!
//! Floors 0 to 4 are pure: no file, thread, clock or terminal; time is packet time. What holds for every run:
//!
//! * Forwarded and dropped packets together are the input, byte for byte and in order.
//! * The same input, rules and options give the same bytes in every output, whatever the number of workers.
//! * Nothing in the input makes the program panic, or its memory grow without a bound.
//!
//! # Example
//!
//! ```
//! use dpi_engine::{packet::LinkType, wire};
//!
//! let frame = [0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 53, 0, 8, 0, 0];
//! let view = wire::decode(Some(LinkType::RAW), &frame);
//! assert_eq!(view.five_tuple.map(|tuple| tuple.dst.port), Some(53));
//! ```

pub mod alpn;
pub mod capture;
pub mod catalogue;
pub mod caveats;
pub mod classify;
pub mod cli;
pub mod community_id;
pub mod domain;
pub mod domain_map;
pub mod encrypted_dns;
pub mod endpoints;
pub mod engine;
pub mod evidence;
pub mod flow;
pub mod fragments;
mod half_hash;
pub mod hosts;
pub mod ini;
pub mod inspect;
pub mod key;
mod name_table;
pub mod observation;
pub mod opening;
pub mod output;
pub mod packet;
pub mod passive_dns;
pub mod pipeline;
mod port_sieve;
mod prefetch;
pub mod protocol;
pub mod ranges;
pub mod report;
pub mod rules;
pub mod services;
mod slot_index;
pub mod stats;
pub mod tunnel;
pub mod wire;
