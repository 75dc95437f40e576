//! What is told of the files, as pairs of a label and a value: the same in every report that people read.

use super::{Damage, Digests, Input, Resolution};

/// Damaged files that are told of several.
const MOST_DAMAGED: usize = 5;

/// A label, and what stands behind it.
pub(super) type Fact = (&'static str, String);

/// How counts are written.
pub(super) type WriteCount = fn(u64) -> String;

/// What the capture is.
pub(super) fn of_capture(input: &Input, count: WriteCount) -> Vec<Fact> {
    let resolution = match input.resolution {
        Resolution::Micro => "microseconds",
        Resolution::Nano => "nanoseconds",
        Resolution::Mixed => "mixed resolution",
    };
    let mut files = input.files.iter();
    let compression = match input.compression {
        first if files.any(|file| file.compression != first) => "some compressed",
        compression => compression.unwrap_or("not compressed"),
    };
    let links: Vec<_> = input.link_types.iter().map(ToString::to_string).collect();
    let links = match links.as_slice() {
        [] => "none".to_owned(),
        links => links.join(", "),
    };
    let format = format!("{}, {resolution}, {compression}", input.format);
    let mut facts = match input.files.as_slice() {
        [] => vec![("File", input.path.clone())],
        files => vec![
            ("Files", count(files.len() as u64)),
            ("First file", input.path.clone()),
            (
                "Last file",
                files
                    .last()
                    .map_or_else(String::new, |file| file.path.clone()),
            ),
        ],
    };
    facts.extend([
        ("Format", format),
        ("File bytes", count(input.file_bytes)),
        ("Link types", links),
    ]);
    if let (Some(first), Some(last)) = (input.first_packet, input.last_packet) {
        facts.push(("First packet", first.to_string()));
        facts.push(("Last packet", last.to_string()));
        facts.push(("Duration", seconds(last.ns_since(first), count)));
    }
    facts
}

/// What of it could not be read; of several files, the first of those that are damaged.
pub(super) fn of_damage(input: &Input, count: WriteCount) -> Vec<Fact> {
    let place = |damage: &Damage| format!("at byte {}: {}", count(damage.offset), damage.reason);
    let files = input.files.iter();
    let damaged = files.filter_map(|file| Some((&file.path, file.damage.as_ref()?)));
    let mut places: Vec<_> = match &input.damage {
        Some(damage) if input.files.is_empty() => vec![place(damage)],
        _ => damaged
            .map(|(path, damage)| format!("{path} {}", place(damage)))
            .collect(),
    };
    if let Some(more) = places.len().checked_sub(MOST_DAMAGED + 1) {
        places.truncate(MOST_DAMAGED);
        let more = count(more as u64 + 1);
        places.push(format!("… and {more} more in the JSON report"));
    }
    let mut facts: Vec<Fact> = places.into_iter().map(|place| ("Damage", place)).collect();
    let skipped = &input.skipped;
    if skipped.skipped_count > 0 {
        let places = match skipped.skipped_count {
            1 => "place",
            _ => "places",
        };
        let bytes = count(skipped.skipped_bytes);
        let skips = count(skipped.skipped_count);
        facts.push(("Skipped", format!("{bytes} bytes at {skips} {places}")));
    }
    facts
}

/// By what the files are known again; each of several inputs is told with its own.
pub(super) fn of_digests(digests: &Digests, input: &Input) -> Vec<Fact> {
    let is_of_one = input.files.is_empty();
    let of_files = [
        ("Input", Some(&digests.input).filter(|_| is_of_one)),
        ("Output", digests.output.as_ref()),
        ("Dropped packets", digests.dropped.as_ref()),
    ];
    let given = of_files.into_iter();
    given
        .filter_map(|(label, digest)| Some((label, digest?.clone())))
        .collect()
}

/// `ns` nanoseconds in seconds, to the microsecond.
fn seconds(ns: u64, count: WriteCount) -> String {
    format!(
        "{}.{:06} s",
        count(ns / 1_000_000_000),
        ns / 1000 % 1_000_000
    )
}
