//! Writes the project's made captures: `cargo run --example gen_pcap -- testdata`.
//!
//! The same bytes at every run, with timestamps of its own; a test holds the committed files equal to them. Prints what is in each.
//!
//! `cargo run --example gen_pcap -- --repeat CAPTURE MEGABYTES OUTPUT` writes a large one for measurements: CAPTURE again and again, each
//! time later and with other clients.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

#[path = "gen_pcap/mod.rs"]
mod captures;
#[path = "gen_pcap/repeat.rs"]
mod repeat;

fn main() -> io::Result<()> {
    let mut words = std::env::args().skip(1);
    match words.next() {
        Some(option) if option == "--repeat" => {
            let words = [words.next(), words.next(), words.next()];
            let [Some(capture), Some(megabytes), Some(output)] = words else {
                return Err(usage());
            };
            let megabytes: u64 = megabytes.parse().map_err(|_| usage())?;
            let mut out = BufWriter::new(File::create(output)?);
            repeat::repeat(&std::fs::read(capture)?, megabytes << 20, &mut out)?;
            out.flush()
        }
        folder => write_all(folder.unwrap_or("testdata".to_owned()).into()),
    }
}

fn usage() -> io::Error {
    let usage = "expected a folder, or --repeat CAPTURE MEGABYTES OUTPUT";
    io::Error::new(io::ErrorKind::InvalidInput, usage)
}

/// Writes every made capture into `folder`, and tells what is in it.
fn write_all(folder: PathBuf) -> io::Result<()> {
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
