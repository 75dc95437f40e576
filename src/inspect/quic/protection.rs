//! Keys of Initial packets, which follow from a connection ID, and the opening of packets with them.
//!
//! They hide nothing from anybody who sees the packets: they only prove that a packet is what it seems to be.

use std::sync::OnceLock;

use aes_gcm::aead::AeadInOut;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::{Hkdf, HkdfExtract};
use sha2::Sha256;

use super::header::Initial;
use super::version::Suite;

/// Length of the tag at the end of a packet, RFC 9001 §5.3.
const TAG_LEN: usize = 16;
/// Distance from the packet number to the bytes that its mask is made from, and their length. RFC 9001 §5.4.2.
const SAMPLE_OFFSET: usize = 4;
const SAMPLE_LEN: usize = 16;

/// What a version salts its initial secrets with, RFC 9001 §5.2.
#[derive(Debug)]
pub(super) struct Salt {
    bytes: [u8; 20],
    /// The extraction as far as it is the same for every connection: an eighth of the work of making keys.
    begun: OnceLock<HkdfExtract<Sha256>>,
}

impl Salt {
    pub(super) const fn new(bytes: [u8; 20]) -> Self {
        Self {
            bytes,
            begun: OnceLock::new(),
        }
    }

    /// The initial secret that follows from `connection_id`.
    fn initial_secret(&self, connection_id: &[u8]) -> Hkdf<Sha256> {
        let begun = self
            .begun
            .get_or_init(|| HkdfExtract::new(Some(&self.bytes)));
        let mut extraction = begun.clone();
        extraction.input_ikm(connection_id);
        let (_, secret) = extraction.finalize();
        secret
    }
}

/// Keys of what a client sends in Initial packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) key: [u8; 16],
    pub(super) iv: [u8; 12],
    pub(super) header: [u8; 16],
}

impl Keys {
    /// The client's keys that follow from `connection_id`, the destination of its first packet.
    ///
    /// Source: RFC 9001 §5.1, §5.2.
    pub(super) fn of_client(suite: &Suite, connection_id: &[u8]) -> Option<Self> {
        let initial = suite.salt.initial_secret(connection_id);
        let secret: [u8; 32] = expand_label(&initial, b"client in")?;
        let client = Hkdf::from_prk(&secret).ok()?;
        let [key, iv, header] = suite.labels;
        Some(Self {
            key: expand_label(&client, key)?,
            iv: expand_label(&client, iv)?,
            header: expand_label(&client, header)?,
        })
    }

    /// The frames in `packet`; `None` when these are not its keys, or it is damaged.
    ///
    /// The packet number counts as it stands: a client in its first flight has no need to shorten it.
    ///
    /// Source: RFC 9001 §5.3, §5.4.
    pub(super) fn open(&self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        let [first_mask, number_mask @ ..] = self.mask(sample(packet)?);

        let first = packet.bytes.first()? ^ (first_mask & 0x0f);
        let number_len = usize::from(first & 3) + 1;
        let header_len = packet.number_at + number_len;
        let (header, sealed) = packet.bytes.split_at_checked(header_len)?;
        let (sealed, tag) = sealed.split_last_chunk::<TAG_LEN>()?;

        let mut header = header.to_vec();
        *header.first_mut()? = first;
        let number = header.get_mut(packet.number_at..)?;
        for (byte, mask) in number.iter_mut().zip(number_mask) {
            *byte ^= mask;
        }
        let nonce = self.nonce(number);
        let mut frames = sealed.to_vec();
        Aes128Gcm::new(&self.key.into())
            .decrypt_inout_detached(
                &nonce.into(),
                &header,
                frames.as_mut_slice().into(),
                &(*tag).into(),
            )
            .ok()?;
        Some(frames)
    }

    /// What hides the low bits of the first byte, and the packet number.
    fn mask(&self, sample: &[u8; SAMPLE_LEN]) -> [u8; 5] {
        let mut block = (*sample).into();
        Aes128::new(&self.header.into()).encrypt_block(&mut block);
        let [first, a, b, c, d, ..]: [u8; 16] = block.into();
        [first, a, b, c, d]
    }

    fn nonce(&self, number: &[u8]) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(number.iter().rev()) {
            *byte ^= number;
        }
        nonce
    }
}

/// The bytes of `packet` that its mask is made from; `None` when it is too short for one, and nobody's keys open it.
pub(super) fn sample<'a>(packet: &Initial<'a>) -> Option<&'a [u8; SAMPLE_LEN]> {
    packet
        .bytes
        .get(packet.number_at + SAMPLE_OFFSET..)?
        .first_chunk()
}

/// HKDF-Expand-Label without a context, RFC 8446 §7.1. Always there: no output here is too long for it.
fn expand_label<const N: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> Option<[u8; N]> {
    const PREFIX: &[u8] = b"tls13 ";
    let len = u16::try_from(N).ok()?.to_be_bytes();
    let label_len = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let mut output = [0; N];
    secret
        .expand_multi_info(&[&len, &label_len, PREFIX, label, &[0]], &mut output)
        .ok()?;
    Some(output)
}

#[cfg(test)]
pub(super) mod sealing {
    //! The other way round: what a client does.

    use super::*;

    /// Seals `frames` behind `header`, whose last byte ends the packet number. RFC 9001 §5.3, §5.4.
    pub(crate) fn seal(keys: &Keys, header: &[u8], frames: &[u8]) -> Vec<u8> {
        let number_len = usize::from(header[0] & 3) + 1;
        let number_at = header.len() - number_len;
        let nonce = keys.nonce(&header[number_at..]);
        let mut body = frames.to_vec();
        let tag = Aes128Gcm::new(&keys.key.into())
            .encrypt_inout_detached(&nonce.into(), header, body.as_mut_slice().into())
            .unwrap();
        let mut packet = [header, &body, tag.as_slice()].concat();
        let sample = packet[number_at + SAMPLE_OFFSET..].first_chunk().unwrap();
        let mask = keys.mask(sample);
        packet[0] ^= mask[0] & 0x0f;
        for (byte, mask) in packet[number_at..].iter_mut().zip(&mask[1..=number_len]) {
            *byte ^= mask;
        }
        packet
    }
}
