//! What is told of the files, as pairs of a label and a value: the same in every report that people read.

use super::{Digests, Input, Resolution};

/// A label, and what stands behind it.
pub(super) type Fact = (&'static str, String);

/// What the capture is.
pub(super) fn of_capture(input: &Input) -> Vec<Fact> {
    let resolution = match input.resolution {
        Resolution::Micro => "microseconds",
        Resolution::Nano => "nanoseconds",
        Resolution::Mixed => "mixed resolution",
    };
    let compression = input.compression.unwrap_or("not compressed");
    let links: Vec<_> = input.link_types.iter().map(ToString::to_string).collect();
    let links = match links.as_slice() {
        [] => "none".to_owned(),
        links => links.join(", "),
    };
    let format = format!("{}, {resolution}, {compression}", input.format);
    let mut facts = vec![
        ("File", input.path.clone()),
        ("Format", format),
        ("File bytes", input.file_bytes.to_string()),
        ("Link types", links),
    ];
    if let (Some(first), Some(last)) = (input.first_packet, input.last_packet) {
        facts.push(("First packet", first.to_string()));
        facts.push(("Last packet", last.to_string()));
        facts.push(("Duration", seconds(last.ns_since(first))));
    }
    facts.extend(of_damage(input));
    facts
}

/// What of it could not be read.
pub(super) fn of_damage(input: &Input) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(damage) = &input.damage {
        let place = format!("at byte {}: {}", damage.offset, damage.reason);
        facts.push(("Damage", place));
    }
    let skipped = &input.skipped;
    if skipped.skipped_count > 0 {
        let places = match skipped.skipped_count {
            1 => "place",
            _ => "places",
        };
        let (bytes, count) = (skipped.skipped_bytes, skipped.skipped_count);
        facts.push(("Skipped", format!("{bytes} bytes at {count} {places}")));
    }
    facts
}

/// By what the files are known again.
pub(super) fn of_digests(digests: &Digests) -> Vec<Fact> {
    let of_files = [
        ("Input", Some(&digests.input)),
        ("Output", digests.output.as_ref()),
        ("Dropped packets", digests.dropped.as_ref()),
    ];
    let given = of_files.into_iter();
    given
        .filter_map(|(label, digest)| Some((label, digest?.clone())))
        .collect()
}

/// `ns` nanoseconds in seconds, to the microsecond.
pub(super) fn seconds(ns: u64) -> String {
    format!("{}.{:06} s", ns / 1_000_000_000, ns / 1000 % 1_000_000)
}
