//! Writes the project's made captures: `cargo run --example gen_pcap -- testdata`.
//!
//! The same bytes at every run, with timestamps of its own; a test holds the committed files equal to them. Prints what is in each.

use std::io::{self, Write};
use std::path::PathBuf;

#[path = "gen_pcap/mod.rs"]
mod captures;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or("testdata".into()));
    let mut out = io::stdout().lock();
    for capture in captures::all() {
        std::fs::write(folder.join(capture.name), &capture.bytes)?;
        let truth = &capture.truth;
        writeln!(
            out,
            "{}: {} bytes, {} packets ({} undecoded), {} flows, {} {} {:?}",
            capture.name,
            capture.bytes.len(),
            truth.packets,
            truth.undecoded,
            truth.flows,
            truth.format,
            truth.resolution,
            truth.links,
        )?;
        for (name, from) in &truth.names {
            writeln!(out, "    {from:<10} {name}")?;
        }
    }
    let office = captures::web::office();
    for (index, flow) in office.flows.iter().enumerate() {
        let first = office.order.iter().position(|at| *at == Some((index, 0)));
        let first = first.map_or(0, |packet| packet + 1);
        writeln!(out, "web.pcap, packet {first}: {flow}")?;
    }
    for flow in captures::protocols::flows() {
        let told = flow.told.map(|packet| packet + 1);
        let (protocol, port) = (flow.protocol, flow.port);
        writeln!(
            out,
            "protocols.pcap, port {port}: {protocol}, told by packet {told:?}"
        )?;
    }
    Ok(())
}
