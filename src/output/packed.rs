//! Files that are compressed while they are written, if their names say so.

use std::io::{self, IoSlice, Write};
use std::path::Path;

use flate2::write::GzEncoder;

/// How a file's content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, RFC 1952; the header tells neither name nor time, so that the same content gives the same bytes.
    Gzip,
    /// zstd, RFC 8878, with a checksum.
    Zstd,
}

impl Packing {
    /// What a file's name asks for: `.gz` or `.zst` at its end, in letters of either case.
    pub fn of(path: &Path) -> Self {
        let ends_in = |wanted: &str| {
            let extension = path.extension();
            extension.is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
        };
        if ends_in("gz") {
            Self::Gzip
        } else if ends_in("zst") {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

/// Compresses what is written to it. Only [`finish`](Self::finish) makes it whole.
pub struct Packer<W: Write>(State<W>);

enum State<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Packer<W> {
    /// Writes to `out`: in pieces as they come when nothing is compressed, else in large ones.
    ///
    /// Errors: there is no memory for the compression.
    pub fn new(packing: Packing, out: W) -> io::Result<Self> {
        Ok(Self(match packing {
            Packing::Plain => State::Plain(out),
            Packing::Gzip => State::Gzip(GzEncoder::new(out, flate2::Compression::default())),
            Packing::Zstd => {
                let mut encoder = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                State::Zstd(encoder)
            }
        }))
    }

    /// Writes what is still to come: buffers, the ends of frames, checksums.
    ///
    /// Errors: as writing.
    pub fn finish(self) -> io::Result<()> {
        let mut out = match self.0 {
            State::Plain(out) => out,
            State::Gzip(encoder) => encoder.finish()?,
            State::Zstd(encoder) => encoder.finish()?,
        };
        out.flush()
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            State::Plain(out) => out.write(bytes),
            State::Gzip(encoder) => encoder.write(bytes),
            State::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.0 {
            State::Plain(out) => out.write_vectored(pieces),
            State::Gzip(encoder) => encoder.write_vectored(pieces),
            State::Zstd(encoder) => encoder.write_vectored(pieces),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            State::Plain(out) => out.flush(),
            State::Gzip(encoder) => encoder.flush(),
            State::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_name_tells_by_its_end_and_in_either_case() {
        for (name, packing) in [
            ("a.pcap", Packing::Plain),
            ("a.pcap.gz", Packing::Gzip),
            ("a.pcapng.ZST", Packing::Zstd),
            ("gz", Packing::Plain),
            (".gz", Packing::Plain),
            ("a.gz/b", Packing::Plain),
            ("a.gz.pcap", Packing::Plain),
            ("-", Packing::Plain),
        ] {
            assert_eq!(Packing::of(Path::new(name)), packing, "{name}");
        }
    }

    fn packed(packing: Packing, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut packer = Packer::new(packing, &mut out).unwrap();
        packer.write_all(content).unwrap();
        packer.flush().unwrap();
        packer.write_all(content).unwrap();
        packer.finish().unwrap();
        out
    }

    #[test]
    fn what_was_packed_comes_out_again_and_is_the_same_each_time() {
        let content = b"packets, packets, packets".repeat(1_000);
        let twice = [&content[..], &content].concat();
        assert_eq!(packed(Packing::Plain, &content), twice);

        let gzip = packed(Packing::Gzip, &content);
        assert_eq!(gzip, packed(Packing::Gzip, &content));
        let mut undone = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(&gzip[..]);
        decoder.read_to_end(&mut undone).unwrap();
        assert_eq!(undone, twice);

        let zstd = packed(Packing::Zstd, &content);
        assert_eq!(zstd, packed(Packing::Zstd, &content));
        assert_eq!(zstd::decode_all(&zstd[..]).unwrap(), twice);
        let mut flipped = zstd;
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        assert!(zstd::decode_all(&flipped[..]).is_err(), "no checksum");
    }
}
