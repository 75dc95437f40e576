//! What each address had to do with: ports, peers, names. Sets of pairs with a bound for each address and one for all.
//!
//! Contacts lie in one row, in the order in which they came; each knows the one before it of the same address. Most addresses have two
//! or three, which came with one flow and lie side by side: to look through them costs less than a table of all.

use std::num::NonZeroU32;

use hashbrown::HashTable;

use crate::domain::DomainName;
use crate::prefetch::prefetch;

/// Most (address, contact) pairs that are kept: as many as a table of 2¹⁹ places holds before it doubles.
pub(super) const MAX_CONTACTS: usize = 458_752;
/// Most peers, and most names, that are kept for one address.
pub(super) const MAX_LISTED: u16 = 1024;
/// Most ports that are kept for one address as contacts; those after them go into a map.
pub(super) const MAX_LISTED_PORTS: u16 = 64;
/// Most distinct names that are kept.
pub(super) const MAX_NAMES: usize = 57_344;
/// Most bytes that the text of those names may fill together.
pub(super) const MAX_NAME_BYTES: usize = 4 << 20;

/// Most contacts of one address that are looked through one by one; where there are more, all are found by hash.
const MAX_SEARCHED: u16 = 8;

/// Place of an address in the table of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct HostId(pub(super) u32);

/// Number of a name, in the order in which names came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameId(NonZeroU32);

/// What an initiator had to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// How many contacts of each kind an address has, and where they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Shares {
    last: Option<Place>,
    /// Of all kinds, those that are kept.
    kept: u16,
    /// Distinct ports, those in its map included.
    pub(super) ports: u16,
    pub(super) unusual_ports: u16,
    pub(super) peers: u16,
    pub(super) names: u16,
}

/// The contacts of every address, each with the name that a peer was first known by.
#[derive(Debug)]
pub(super) struct Contacts {
    kept: Vec<Kept>,
    bound: usize,
    /// Those of addresses that have more than [`MAX_SEARCHED`].
    index: HashTable<(HostId, Place)>,
    hasher: ahash::RandomState,
}

/// A contact that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    contact: Packed,
    name: Option<NameId>,
    /// The one before it of the same address.
    before: Option<Place>,
}

/// A [`Contact`] in half the room: the kind in the upper two bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed(u32);

/// Place in the row of contacts, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(NonZeroU32);

impl Contacts {
    /// None yet, and `bound` of them at most.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            // At once, for what is not touched costs nothing; a row that grows is copied again and again.
            kept: Vec::with_capacity(bound),
            bound,
            index: HashTable::new(),
            hasher: ahash::RandomState::new(),
        }
    }

    /// Keeps that `host` had to do with `contact`; `shares` are its own.
    ///
    /// False when there was no room for a new one. `name` stays with the contact, unless it has one already.
    // Wherever it is called, the kind is known: there, nothing is left of the choice by it, which no processor guesses.
    #[inline(always)]
    pub(super) fn note(
        &mut self,
        host: HostId,
        shares: &mut Shares,
        contact: Contact,
        name: Option<NameId>,
    ) -> bool {
        let packed = Packed::of(contact);
        if let Some(place) = self.find(host, shares, packed) {
            if let Some(known) = self.kept.get_mut(place.index()) {
                known.name = known.name.or(name);
            }
            return true;
        }
        let (share, limit) = match contact {
            Contact::Port(_) => (&mut shares.ports, MAX_LISTED_PORTS),
            Contact::UnusualPort(_) => (&mut shares.unusual_ports, MAX_LISTED),
            Contact::Peer(_) => (&mut shares.peers, MAX_LISTED),
            Contact::Name(_) => (&mut shares.names, MAX_LISTED),
        };
        if *share >= limit || self.kept.len() >= self.bound {
            return false;
        }
        *share += 1;
        self.keep(host, shares, (packed, name));
        true
    }

    /// The contacts of the address that has these `shares`, the last first.
    pub(super) fn of(&self, shares: &Shares) -> impl Iterator<Item = (Contact, Option<NameId>)> {
        self.places(shares)
            .filter_map(|(_, kept)| Some((kept.contact.contact()?, kept.name)))
    }

    /// Asks for the memory in which the last contact of the address with these `shares` stands.
    pub(super) fn prefetch(&self, shares: &Shares) {
        let last = shares.last.and_then(|place| self.kept.get(place.index()));
        if let Some(last) = last {
            prefetch(last);
        }
    }

    /// Drops what is needed to find contacts again.
    pub(super) fn close(&mut self) {
        self.index = HashTable::new();
    }

    /// Keeps a contact that is new, and for which there is room.
    fn keep(
        &mut self,
        host: HostId,
        shares: &mut Shares,
        (contact, name): (Packed, Option<NameId>),
    ) {
        self.kept.push(Kept {
            contact,
            name,
            before: shares.last,
        });
        shares.last = Place::of_last(self.kept.len());
        shares.kept += 1;
        if shares.kept == MAX_SEARCHED + 1 {
            let mut next = shares.last;
            while let Some(place) = next {
                self.enter(host, place);
                next = self.kept.get(place.index()).and_then(|kept| kept.before);
            }
        } else if shares.kept > MAX_SEARCHED
            && let Some(place) = shares.last
        {
            self.enter(host, place);
        }
    }

    fn find(&self, host: HostId, shares: &Shares, contact: Packed) -> Option<Place> {
        if shares.kept <= MAX_SEARCHED {
            let mut places = self.places(shares);
            return places
                .find(|(_, kept)| kept.contact == contact)
                .map(|(place, _)| place);
        }
        let is_it = |&(whose, place): &(HostId, Place)| {
            let kept = self.kept.get(place.index());
            whose == host && kept.is_some_and(|kept| kept.contact == contact)
        };
        let found = self.index.find(hash(&self.hasher, host, contact), is_it);
        found.map(|&(_, place)| place)
    }

    fn places(&self, shares: &Shares) -> impl Iterator<Item = (Place, &Kept)> {
        let at = |place: Place| Some((place, self.kept.get(place.index())?));
        std::iter::successors(shares.last.and_then(at), move |(_, kept)| {
            kept.before.and_then(at)
        })
    }

    fn enter(&mut self, host: HostId, place: Place) {
        let contact_at = |place: Place| self.kept.get(place.index()).map(|kept| kept.contact);
        let hasher = &self.hasher;
        let hash_at = |&(host, place): &(HostId, Place)| {
            contact_at(place).map_or(0, |contact| hash(hasher, host, contact))
        };
        let entry = (host, place);
        self.index.insert_unique(hash_at(&entry), entry, hash_at);
    }
}

fn hash(hasher: &ahash::RandomState, host: HostId, contact: Packed) -> u64 {
    hasher.hash_one(u64::from(host.0) << 32 | u64::from(contact.0))
}

impl Packed {
    const KIND: u32 = 30;

    /// Hosts and names are far fewer than 2³⁰.
    const fn of(contact: Contact) -> Self {
        Self(match contact {
            Contact::Port(port) => port as u32,
            Contact::UnusualPort(port) => 1 << Self::KIND | port as u32,
            Contact::Peer(host) => 2 << Self::KIND | host.0,
            Contact::Name(name) => 3 << Self::KIND | name.0.get(),
        })
    }

    fn contact(self) -> Option<Contact> {
        let value = self.0 & !(3 << Self::KIND);
        Some(match self.0 >> Self::KIND {
            0 => Contact::Port(value as u16),
            1 => Contact::UnusualPort(value as u16),
            2 => Contact::Peer(HostId(value)),
            _ => Contact::Name(NameId(NonZeroU32::new(value)?)),
        })
    }
}

impl Place {
    /// That of the last of `len` contacts. There are far fewer than 2³².
    fn of_last(len: usize) -> Option<Self> {
        NonZeroU32::new(u32::try_from(len).ok()?).map(Self)
    }

    const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl NameId {
    /// That of the name in this place of the table of names.
    pub(super) fn of_place(place: usize) -> Option<Self> {
        Some(Self(
            NonZeroU32::MIN.saturating_add(u32::try_from(place).ok()?),
        ))
    }

    /// The name with this number, in what the table of names held.
    pub(super) fn of(self, names: &[DomainName]) -> Option<&str> {
        names.get(self.0.get() as usize - 1).map(DomainName::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostId = HostId(3);

    #[test]
    fn a_contact_takes_the_first_name_it_is_known_by() {
        let (a, b) = (NameId::of_place(0), NameId::of_place(1));
        let mut contacts = Contacts::new(10);
        let mut shares = Shares::default();
        for name in [None, b, None, a] {
            assert!(contacts.note(HOST, &mut shares, Contact::Peer(HostId(9)), name));
        }
        assert_eq!(shares.peers, 1);
        let kept: Vec<_> = contacts.of(&shares).collect();
        assert_eq!(kept, [(Contact::Peer(HostId(9)), b)]);
        let names = ["a.com", "b.com"].map(|name| DomainName::from_bytes(name.as_bytes()).unwrap());
        assert_eq!(b.unwrap().of(&names), Some("b.com"));
    }

    #[test]
    fn known_contacts_are_known_even_when_there_is_no_room() {
        let mut contacts = Contacts::new(2);
        let mut shares = [0, MAX_LISTED, 0].map(|unusual_ports| Shares {
            unusual_ports,
            ..Shares::default()
        });
        let mut note = |i: usize, port| {
            let contact = Contact::UnusualPort(port);
            contacts.note(HostId(i as u32), &mut shares[i], contact, None)
        };
        assert!(note(0, 1) && !note(1, 1) && note(2, 1));
        assert!(!note(0, 2) && note(0, 1) && note(2, 1));
        assert_eq!(shares.map(|share| share.unusual_ports), [1, MAX_LISTED, 1]);
    }

    #[test]
    fn few_and_many_contacts_are_told_apart_by_kind_value_and_address() {
        let name = |n| NameId(NonZeroU32::new(n).unwrap());
        let mut contacts = Contacts::new(1000);
        let mut shares = [Shares::default(), Shares::default()];
        for round in 0..2 {
            for n in 1..=40u16 {
                for contact in [
                    Contact::Port(n),
                    Contact::UnusualPort(n),
                    Contact::Peer(HostId(n.into())),
                    Contact::Name(name(n.into())),
                ] {
                    // The other address has two of each.
                    for (host, shares) in shares.iter_mut().enumerate() {
                        if host == 0 || n <= 2 {
                            assert!(contacts.note(HostId(host as u32), shares, contact, None));
                        }
                    }
                }
            }
            for (shares, of_each) in shares.iter().zip([40, 2]) {
                let figures = [
                    shares.ports,
                    shares.unusual_ports,
                    shares.peers,
                    shares.names,
                ];
                assert_eq!(figures, [of_each; 4], "{round}");
                assert_eq!(contacts.of(shares).count(), usize::from(of_each) * 4);
            }
        }
        assert_eq!((contacts.kept.len(), contacts.index.len()), (168, 160));
    }

    #[test]
    fn full_tables_do_not_double() {
        let mut contacts = Contacts::new(MAX_CONTACTS);
        // As many addresses as leave no contact out of the index.
        for host in 0..(MAX_CONTACTS as u32 / 64 + 10) {
            let mut shares = Shares::default();
            for port in 1..=64 {
                contacts.note(HostId(host), &mut shares, Contact::Port(port), None);
            }
        }
        assert_eq!(contacts.kept.len(), MAX_CONTACTS);
        assert_eq!(contacts.kept.capacity(), MAX_CONTACTS);
        assert_eq!(contacts.index.capacity(), MAX_CONTACTS);
    }
}
