use proptest::prelude::*;

use super::*;
use crate::key::{Endpoint, FiveTuple};
use crate::packet::IpProtocol;

fn key(port: u16) -> FlowKey {
    let end = |last, port| Endpoint {
        addr: [10, 0, 0, last].into(),
        port,
    };
    FlowKey::of(&FiveTuple {
        src: end(1, port),
        dst: end(2, 80),
        protocol: IpProtocol::TCP,
    })
    .0
}

fn put<V: Default>(table: &mut FlowTable<V>, port: u16, value: V) {
    *table.insert(key(port), table.hash(&key(port))) = value;
}

fn remove<V: Default>(table: &mut FlowTable<V>, port: u16) -> Option<V> {
    let key = key(port);
    table.remove(&key, table.hash(&key))
}

fn get<V: Copy + Default>(table: &mut FlowTable<V>, port: u16) -> Option<V> {
    let (key, hash) = (key(port), table.hash(&key(port)));
    // It is found by a wrong guess as well: another flow's slot, or none.
    let guess = [table.guess(hash).0, 0, NO_SLOT][usize::from(port % 3)];
    table.get_mut(&key, hash, guess).copied()
}

#[test]
fn the_least_recently_used_goes_first() {
    let mut table = FlowTable::new(3);
    for port in 1..=3 {
        put(&mut table, port, port);
    }
    assert!(table.is_full());
    assert_eq!(get(&mut table, 1), Some(1));
    assert_eq!(table.oldest(), Some((&key(2), &2)));
    assert_eq!(table.pop_oldest(), Some((key(2), 2)));
    put(&mut table, 4, 4);
    let order: Vec<_> = std::iter::from_fn(|| table.pop_oldest())
        .map(|(_, port)| port)
        .collect();
    assert_eq!(order, [3, 1, 4]);
}

#[test]
fn tables_beside_each_other_find_by_the_same_hashes() {
    let mut table = FlowTable::new(1);
    put(&mut table, 1, 1);
    let mut other = table.beside(2);
    *other.insert(key(1), table.hash(&key(1))) = 'a';
    assert_eq!(get(&mut other, 1), Some('a'));
    assert_eq!(other.hash(&key(2)), table.hash(&key(2)));
    assert_eq!((table.len(), other.is_full()), (1, false));
}

#[test]
fn flows_are_shown_twice_before_they_are_taken_out() {
    let mut table = FlowTable::new(100);
    for port in 0..43u16 {
        put(&mut table, port, port);
    }
    assert_eq!(get(&mut table, 0), Some(0));
    let shown = [(); 2].map(|()| std::cell::RefCell::new(Vec::new()));
    let look = |(there, &port): (&FlowKey, &u16), is_next: bool| {
        assert_eq!(*there, key(port));
        shown[usize::from(is_next)].borrow_mut().push(port);
    };
    let mut drained = Vec::new();
    for port in table.drain(look, |_, port| *port) {
        drained.push(port);
        assert!(shown.iter().all(|shown| shown.borrow().contains(&port)));
    }
    let in_order: Vec<_> = (1..43).chain([0]).collect();
    assert_eq!(drained, in_order);
    assert_eq!(
        shown.map(|shown| shown.into_inner()),
        [in_order.clone(), in_order]
    );
    assert!(table.is_empty());
}

#[test]
fn of_those_that_go_next_the_first_and_the_third_are_shown() {
    let mut table = FlowTable::new(4);
    let shown = |table: &FlowTable<u16>| {
        let shown = std::cell::RefCell::new(Vec::new());
        table.prefetch_next_to_go(|(there, &port), hash| {
            assert_eq!(*there, key(port));
            assert!(hash.is_none_or(|hash| hash == table.hash(there)));
            shown.borrow_mut().push((port, hash.is_some()));
        });
        shown.into_inner()
    };
    assert_eq!(shown(&table), []);
    put(&mut table, 1, 1);
    assert_eq!(shown(&table), [(1, true)]);
    put(&mut table, 2, 2);
    assert_eq!(shown(&table), [(1, true)]);
    put(&mut table, 3, 3);
    put(&mut table, 4, 4);
    assert_eq!(get(&mut table, 1), Some(1));
    assert_eq!(shown(&table), [(2, true), (4, false)]);
}

#[test]
fn a_flow_that_is_gone_is_not_found_where_it_stood() {
    let mut table = FlowTable::new(2);
    put(&mut table, 7, 7);
    let (key, hash) = (key(7), table.hash(&key(7)));
    let (guess, _) = table.guess(hash);
    assert_eq!(table.get_mut(&key, hash, guess), Some(&mut 7));
    assert_eq!(remove(&mut table, 7), Some(7));
    assert_eq!(table.get_mut(&key, hash, guess), None);
    assert_eq!(table.peek(&key), None);
    // What comes next begins with nothing that the other left.
    assert_eq!(*table.insert(key, hash), 0);
}

/// Set for the process that a test starts: it prints a hash, and is no test by itself.
const PRINTS: &str = "DPI_ENGINE_TEST_PRINTS_A_HASH";

#[test]
fn the_process_that_prints_a_hash() {
    if std::env::var_os(PRINTS).is_some() {
        let table = FlowTable::<u16>::new(1);
        let hash = table.hasher.hash_one(key(1));
        std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("hash: {hash}\n")).unwrap();
    }
}

#[test]
fn no_two_runs_hash_alike() {
    let hash = || {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("flow::table::tests::the_process_that_prints_a_hash")
            .env(PRINTS, "")
            .output();
        let printed = String::from_utf8(output.unwrap().stdout).unwrap();
        let hash = printed.split("hash: ").nth(1);
        hash.and_then(|rest| rest.lines().next())
            .unwrap()
            .to_owned()
    };
    // Of 64 bits each: three alike are no accident.
    let hashes = [hash(), hash(), hash()];
    assert!(
        hashes[0] != hashes[1] || hashes[1] != hashes[2],
        "{hashes:?}"
    );
}

proptest! {
    #[test]
    fn it_holds_what_a_plain_list_in_order_of_use_holds(
        capacity in 0_usize..9,
        steps in proptest::collection::vec((0u8..4, 0u16..12), 0..200),
    ) {
        let mut table = FlowTable::new(capacity);
        let mut list: Vec<(u16, u32)> = Vec::new();
        for (number, (step, port)) in (0..).zip(steps) {
            let place = list.iter().position(|(there, _)| *there == port);
            match step {
                0 => {
                    let used = place.map(|place| list.remove(place));
                    list.extend(used);
                    prop_assert_eq!(get(&mut table, port), used.map(|(_, value)| value));
                }
                1 => {
                    let gone = place.map(|place| list.remove(place).1);
                    prop_assert_eq!(remove(&mut table, port), gone);
                }
                2 if port == 0 => {
                    let all: Vec<_> = table.drain(|_, _| (), |key, value| (*key, *value)).collect();
                    let there = list.drain(..).map(|(port, value)| (key(port), value));
                    prop_assert_eq!(all, there.collect::<Vec<_>>());
                }
                2 => {
                    let oldest = (!list.is_empty()).then(|| list.remove(0));
                    let oldest = oldest.map(|(port, value)| (key(port), value));
                    prop_assert_eq!(table.pop_oldest(), oldest);
                }
                _ => {
                    // None has no room for a single flow.
                    prop_assert_eq!(table.is_full(), list.len() == capacity.max(1));
                    if table.is_full() {
                        table.pop_oldest();
                        list.remove(0);
                    }
                    list.retain(|(there, _)| *there != port);
                    list.push((port, number));
                    remove(&mut table, port);
                    put(&mut table, port, number);
                }
            }
            prop_assert_eq!(table.len(), list.len());
            let oldest = table.oldest().map(|(key, value)| (*key, *value));
            prop_assert_eq!(oldest, list.first().map(|&(port, value)| (key(port), value)));
        }
    }
}
