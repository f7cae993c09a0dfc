//! A ledger made again from its entries and a header goes on as the one that it was made from; what is not whole is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Chain, Signer, obols};
use mickai_ledger::{BlockError, Ledger, Library, State};
use mickai_proof::digest::{StateHash, StatePath};
use mickai_proof::pantheon::{Action, Entry};

fn entries(ledger: &Ledger) -> Vec<(StatePath, Entry)> {
    let mut all = Vec::new();
    for byte in 0..=u8::MAX {
        ledger.state().for_each_in(byte, |path, entry| all.push((*path, entry.clone())));
    }
    all
}

#[test]
fn a_ledger_goes_on_from_its_entries() {
    let mut chain = Chain::new();
    let rich = Signer::new(10);
    for seed in 20..60 {
        chain.does(&rich, Action::Transfer { to: Signer::new(seed).address(), amount: obols(5_000) });
    }
    let all = entries(&chain.ledger);
    let mut in_order = Vec::new();
    chain.ledger.state().for_each(|path, entry| in_order.push((*path, entry.clone())));
    assert!(all == in_order && all.len() > 45, "{}", all.len());
    let header = &chain.blocks.last().unwrap().header.clone();
    let head = &chain.genesis.head.clone();
    let resumed = Ledger::resume(head, header, State::of(&all).unwrap()).unwrap();
    let next = chain.transaction(&rich, Action::Transfer { to: Signer::new(21).address(), amount: obols(7) });
    chain.push(vec![next], &Library);
    let block = chain.blocks.last().unwrap();
    assert_eq!(resumed.execute(block, &Library).unwrap().ledger.state().root(), chain.ledger.state().root());

    let refused = |entries: &[(StatePath, Entry)]| Ledger::resume(head, header, State::of(entries).unwrap()).err().unwrap();
    assert!(matches!(refused(&all[1..]), BlockError::State { .. }));
    let mut richer = all.clone();
    let account = richer.iter_mut().find_map(|(_, entry)| if let Entry::Account(account) = entry { Some(account) } else { None });
    account.unwrap().balance = obols(1);
    assert!(matches!(refused(&richer), BlockError::State { .. }));
    // A header that commits to it does not make more PAN either.
    let root = State::of(&richer).unwrap().root();
    let forged = mickai_proof::pantheon::Header { state: StateHash(root.0), ..header.clone() };
    assert!(matches!(Ledger::resume(head, &forged, State::of(&richer).unwrap()).err(), Some(BlockError::Supply { .. })));
    assert!(State::of(&[all[1].clone(), all[0].clone()]).is_none() && State::of(&[all[0].clone(), all[0].clone()]).is_none());
}
