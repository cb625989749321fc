//! The path of a statement through a node's processor, for counting instructions: `benches/instructions`.
//!
//! `hot_path PHASE` prepares everything, then runs the phases up to and including PHASE: none, check, verify, execute, batch.

use std::{collections::BTreeMap, convert::Infallible, hint::black_box, sync::Arc};

use xiezhi_evidence::{Account, Alliance};
use xiezhi_ledger::{
    Admitted, StateView, Transaction, execute,
    fixtures::{Depositor, LEDGER, NOW, genesis},
    verify_signatures,
};
use xiezhi_types::{AccountId, Height, LedgerId, StatementId, TreeSize};

/// Statements on the way.
const STATEMENTS: u32 = 256;
/// Items of the batch.
const ITEMS: u32 = 4096;

struct Accounts(BTreeMap<AccountId, Arc<Account>>, Arc<Alliance>);

impl StateView for Accounts {
    type Error = Infallible;

    fn ledger(&self) -> LedgerId {
        LEDGER
    }

    fn alliance(&self) -> Result<Arc<Alliance>, Infallible> {
        Ok(Arc::clone(&self.1))
    }

    fn account(&self, id: &AccountId) -> Result<Option<Arc<Account>>, Infallible> {
        Ok(self.0.get(id).cloned())
    }

    fn is_recorded(&self, _: &StatementId) -> Result<bool, Infallible> {
        Ok(false)
    }

    fn is_undated_recorded(&self, _: &StatementId) -> Result<bool, Infallible> {
        Ok(false)
    }
}

fn main() {
    let phases = ["none", "check", "verify", "execute", "batch"];
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "batch".to_owned());
    let last = phases.iter().position(|phase| *phase == wanted).expect("a phase");
    let genesis = genesis();
    let depositors: Vec<_> = (1..=8).map(Depositor::new).collect();
    let accounts = depositors.iter().map(|one| (one.id(), Arc::new(Account::create(&one.spec, Height(1)))));
    let accounts = Accounts(accounts.collect(), Arc::new(Alliance::at_genesis(&genesis)));
    let deposit =
        |at: u32| depositors[at as usize % 8].deposit(&at.to_be_bytes(), None).transaction().clone();
    let statements: Vec<Transaction> = (0..STATEMENTS).map(deposit).collect();
    let items: Vec<_> = (0..ITEMS).map(|at| at.to_be_bytes().to_vec()).collect();
    let batch = depositors[0].batch(&items).transaction().clone();

    let check = |one: &Transaction| Arc::new(Admitted::check(one.clone(), &genesis, &LEDGER).expect("good"));
    let admitted: Vec<_> = if last >= 1 { statements.iter().map(check).collect() } else { Vec::new() };
    if last >= 2 {
        verify_signatures(&admitted, |id| accounts.0.get(id).cloned(), [7; 32]);
    }
    if last >= 3 {
        let done = execute(&genesis, Height(2), NOW, TreeSize(0), &admitted, &accounts);
        assert_eq!(done.map(|outcome| outcome.records.len()), Ok(admitted.len()));
    }
    if last >= 4 {
        black_box(check(&batch));
    }
    black_box(admitted);
}
