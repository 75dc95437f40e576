//! SHA-256 of bytes that pass by, made on a thread of its own.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use sha2::Digest as _;

/// Bytes that are handed to the thread at once.
const BLOCK_LEN: usize = 256 << 10;

/// Blocks that wait for the thread at most; then whoever brings bytes waits.
const MAX_WAITING: usize = 4;

/// A SHA-256 digest; shown as 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256([u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Sha256 {
    /// The digest of what was taken in.
    pub(super) fn of(bytes: sha2::Sha256) -> Self {
        Self(bytes.finalize().into())
    }
}

/// What is written is no SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct NoDigest;

impl FromStr for Sha256 {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(NoDigest);
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let digit = |letter: u8| char::from(letter).to_digit(16).ok_or(NoDigest);
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

/// Takes bytes in, and has their digest made elsewhere meanwhile.
///
/// * Memory: at most six blocks of 256 KiB.
/// * Costs whoever brings the bytes one copy of them, and waiting where they come faster than they can be digested.
#[derive(Debug)]
pub struct Digester {
    block: Vec<u8>,
    full: Sender<Vec<u8>>,
    spent: Receiver<Vec<u8>>,
    thread: JoinHandle<Sha256>,
}

impl Digester {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system refuses one more thread.
    pub fn start() -> io::Result<Self> {
        let (full, blocks) = bounded::<Vec<u8>>(MAX_WAITING);
        let (spent_out, spent) = bounded(MAX_WAITING + 2);
        let digest = move || {
            let mut digest = sha2::Sha256::new();
            for mut block in blocks {
                digest.update(&block);
                block.clear();
                // There is room for all that there are.
                let _ = spent_out.try_send(block);
            }
            Sha256::of(digest)
        };
        let thread = thread::Builder::new()
            .name("digest".to_owned())
            .spawn(digest)?;
        Ok(Self {
            block: Vec::new(),
            full,
            spent,
            thread,
        })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK_LEN - self.block.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == BLOCK_LEN {
                let empty = self.spent.try_recv();
                let empty = empty.unwrap_or_else(|_| Vec::with_capacity(BLOCK_LEN));
                self.hand_over(empty);
            }
        }
    }

    /// The digest of all bytes that were taken.
    ///
    /// # Errors
    /// The thread died.
    pub fn finish(mut self) -> io::Result<Sha256> {
        self.hand_over(Vec::new());
        drop(self.full);
        let died =
            |_| io::Error::other("the digest thread died; this is a defect: please report it");
        self.thread.join().map_err(died)
    }

    fn hand_over(&mut self, empty: Vec<u8>) {
        let block = std::mem::replace(&mut self.block, empty);
        // If the thread is no more, `finish` says so.
        let _ = self.full.send(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(pieces: &[&[u8]]) -> Sha256 {
        let mut digester = Digester::start().unwrap();
        pieces.iter().for_each(|piece| digester.update(piece));
        digester.finish().unwrap()
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // FIPS 180-4, and the example of "abc" in NIST's "SHA256" example values.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest_of(&[]).to_string(), empty);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest_of(&[b"a", b"", b"bc"]).to_string(), abc);
    }

    #[test]
    fn it_does_not_depend_on_how_the_bytes_come() {
        let bytes: Vec<u8> = (0..3 * BLOCK_LEN as u32 + 77)
            .map(|n| (n >> 3) as u8)
            .collect();
        let whole = digest_of(&[&bytes]);
        for len in [1000, BLOCK_LEN - 1, BLOCK_LEN, BLOCK_LEN + 1] {
            let pieces: Vec<_> = bytes.chunks(len).collect();
            assert_eq!(digest_of(&pieces), whole, "{len}");
        }
        assert_ne!(digest_of(&[&bytes[1..]]), whole);
    }

    #[test]
    fn what_is_shown_is_read_again_and_nothing_else() {
        let shown = digest_of(&[]).to_string();
        assert_eq!(shown.parse(), Ok(digest_of(&[])));
        assert_eq!(shown.to_uppercase().parse(), Ok(digest_of(&[])));
        for text in [
            "",
            &shown[1..],
            &format!("{shown}0"),
            &shown.replace('e', "g"),
            &"é".repeat(32),
        ] {
            assert_eq!(text.parse::<Sha256>(), Err(NoDigest), "{text}");
        }
    }
}
