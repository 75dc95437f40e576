//! What each address had to do with: ports, peers, names. Sets of pairs with a bound for each address and one for all.

use std::collections::HashMap;
use std::num::NonZeroU32;

use crate::domain::DomainName;

/// Most (address, contact) pairs that are kept: as many as a table of 2¹⁹ places holds before it doubles.
pub(super) const MAX_CONTACTS: usize = 458_752;
/// Most peers, and most names, that are kept for one address.
pub(super) const MAX_LISTED: u16 = 1024;
/// Most ports that are kept for one address as contacts; those after them go into a map, see [`PortMaps`].
pub(super) const MAX_LISTED_PORTS: u16 = 64;
/// Most distinct names that are kept.
pub(super) const MAX_NAMES: usize = 57_344;
/// Most bytes that the text of those names may fill together.
pub(super) const MAX_NAME_BYTES: usize = 4 << 20;
/// Most addresses whose ports past the first [`MAX_LISTED_PORTS`] are counted, at 8 KiB each.
pub(super) const MAX_PORT_MAPS: u16 = 512;

/// Place of an address in the table of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct HostId(pub(super) u32);

/// Number of a name, in the order in which names came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameId(NonZeroU32);

/// What an initiator had to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Contact {
    /// A responder's port.
    Port(u16),
    /// A responder's port that no common service uses.
    UnusualPort(u16),
    /// A responder.
    Peer(HostId),
    /// A name in a flow to any responder.
    Name(NameId),
}

/// The contacts of every address, each with the name that a peer was first known by.
#[derive(Debug)]
pub(super) struct Contacts {
    known: HashMap<(HostId, Contact), Option<NameId>, ahash::RandomState>,
    bound: usize,
}

impl Contacts {
    /// None yet, and `bound` of them at most.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            known: HashMap::default(),
            bound,
        }
    }

    /// Keeps that `host` had to do with `contact`; `share` is how many such contacts it has.
    ///
    /// False when there was no room for a new one. `name` stays with the contact, unless it has one already.
    pub(super) fn note(
        &mut self,
        host: HostId,
        contact: Contact,
        name: Option<NameId>,
        share: &mut u16,
    ) -> bool {
        let limit = match contact {
            Contact::Port(_) => MAX_LISTED_PORTS,
            _ => MAX_LISTED,
        };
        // Not `entry`, which makes room for one more before it is asked to.
        if let Some(first) = self.known.get_mut(&(host, contact)) {
            *first = first.or(name);
        } else if *share < limit && self.known.len() < self.bound {
            self.known.insert((host, contact), name);
            *share += 1;
        } else {
            return false;
        }
        true
    }

    /// Every contact, by address, then kind.
    pub(super) fn into_sorted(self) -> Vec<(HostId, Contact, Option<NameId>)> {
        let mut all: Vec<_> = self
            .known
            .into_iter()
            .map(|((host, contact), name)| (host, contact, name))
            .collect();
        all.sort_unstable();
        all
    }
}

/// Names, each kept once.
#[derive(Debug, Default)]
pub(super) struct Interned {
    ids: HashMap<DomainName, NameId, ahash::RandomState>,
    bytes: usize,
}

impl Interned {
    /// The number of `name`; `None` when it is new and there is no room for it.
    pub(super) fn id(&mut self, name: &DomainName) -> Option<NameId> {
        if let Some(&id) = self.ids.get(name) {
            return Some(id);
        }
        let bytes = self.bytes + name.as_str().len();
        if self.ids.len() >= MAX_NAMES || bytes > MAX_NAME_BYTES {
            return None;
        }
        let id = NameId(NonZeroU32::MIN.saturating_add(u32::try_from(self.ids.len()).ok()?));
        self.bytes = bytes;
        self.ids.insert(name.clone(), id);
        Some(id)
    }

    /// Every name, so that [`NameId::of`] finds them.
    pub(super) fn into_sorted(self) -> Vec<DomainName> {
        let mut all: Vec<_> = self.ids.into_iter().collect();
        all.sort_unstable_by_key(|(_, id)| *id);
        all.into_iter().map(|(name, _)| name).collect()
    }
}

impl NameId {
    /// The name with this number, in what [`Interned::into_sorted`] gave.
    pub(super) fn of(self, names: &[DomainName]) -> Option<&str> {
        names.get(self.0.get() as usize - 1).map(DomainName::as_str)
    }
}

/// Sets of ports, one bit for each port, for the few addresses that contact many.
#[derive(Debug, Default)]
pub(super) struct PortMaps(Vec<Box<[u64; 1024]>>);

impl PortMaps {
    /// Adds `port` to the map at `place`, which is given one first if there are maps left.
    ///
    /// Whether the port is new there; `None` when there is no map for it.
    pub(super) fn insert(&mut self, place: &mut Option<u16>, port: u16) -> Option<bool> {
        if place.is_none() {
            let next = u16::try_from(self.0.len()).ok()?;
            if next >= MAX_PORT_MAPS {
                return None;
            }
            self.0.push(Box::new([0; 1024]));
            *place = Some(next);
        }
        let map = self.0.get_mut(usize::from((*place)?))?;
        let word = map.get_mut(usize::from(port / 64))?;
        let bit = 1 << (port % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        Some(is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostId = HostId(3);

    #[test]
    fn a_contact_takes_the_first_name_it_is_known_by() {
        let mut names = Interned::default();
        let mut id = |name: &str| names.id(&DomainName::from_bytes(name.as_bytes()).unwrap());
        let (a, b) = (id("a.com"), id("b.com"));
        assert_eq!((id("A.com."), id("b.com")), (a, b));
        let mut contacts = Contacts::new(10);
        let mut share = 0;
        for name in [None, b, None, a] {
            assert!(contacts.note(HOST, Contact::Peer(HostId(9)), name, &mut share));
        }
        assert_eq!(share, 1);
        assert_eq!(
            contacts.into_sorted(),
            [(HOST, Contact::Peer(HostId(9)), b)]
        );
        let names = names.into_sorted();
        assert_eq!(b.unwrap().of(&names), Some("b.com"));
    }

    #[test]
    fn known_contacts_are_known_even_when_there_is_no_room() {
        let mut contacts = Contacts::new(2);
        let mut shares = [0, MAX_LISTED, 0];
        let mut note = |i: usize, host, port| {
            contacts.note(
                HostId(host),
                Contact::UnusualPort(port),
                None,
                &mut shares[i],
            )
        };
        assert!(note(0, 0, 1) && !note(1, 1, 1) && note(2, 2, 1));
        assert!(!note(0, 0, 2) && note(0, 0, 1) && note(2, 2, 1));
        assert_eq!(shares, [1, MAX_LISTED, 1]);
    }

    #[test]
    fn full_tables_do_not_double() {
        let mut contacts = Contacts::new(MAX_CONTACTS);
        for host in 0..(MAX_CONTACTS as u32 + 10) {
            contacts.note(HostId(host), Contact::Port(1), None, &mut 0);
        }
        assert_eq!(contacts.known.len(), MAX_CONTACTS);
        assert_eq!(contacts.known.capacity(), MAX_CONTACTS);
        assert_eq!(size_of::<((HostId, Contact), Option<NameId>)>(), 16);
    }

    #[test]
    fn names_stay_within_their_bytes() {
        let mut names = Interned {
            bytes: MAX_NAME_BYTES - 3,
            ..Interned::default()
        };
        let mut id = |name: &str| names.id(&DomainName::from_bytes(name.as_bytes()).unwrap());
        assert!(id("abcd").is_none() && id("abc").is_some() && id("d").is_none());
        assert!(id("abc").is_some());
    }

    #[test]
    fn a_port_is_new_once_in_each_map() {
        let mut maps = PortMaps::default();
        let (mut one, mut other) = (None, None);
        for port in [0, 63, 64, 65_535] {
            assert_eq!(maps.insert(&mut one, port), Some(true));
            assert_eq!(maps.insert(&mut one, port), Some(false));
            assert_eq!(maps.insert(&mut other, port), Some(true));
        }
        for _ in 2..MAX_PORT_MAPS {
            assert_eq!(maps.insert(&mut None, 1), Some(true));
        }
        assert_eq!(maps.insert(&mut None, 1), None);
        assert_eq!(maps.insert(&mut one, 7), Some(true));
    }
}
