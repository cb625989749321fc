//! Measures the check: `speed fill DIR [records] [records per block]` makes a store, `speed check DIR` checks it and says how long that took.

use std::{path::Path, sync::Arc, time::Instant};

use xiezhi_ledger::{
    Admitted, execute,
    fixtures::{Depositor, LEDGER, NOW, genesis},
};
use xiezhi_store::Store;
use xiezhi_types::TimestampMs;

type Done = Result<(), Box<dyn std::error::Error>>;

fn fill(dir: &Path, records: u32, block: u32) -> Done {
    let store = Store::open(dir, &genesis(), LEDGER, 64 << 20)?;
    let depositors: Vec<_> = (1..=200).map(Depositor::new).collect();
    let apply = |statements: &[Arc<Admitted>]| -> Done {
        let tip = store.tip();
        let time = TimestampMs(NOW.0 + tip.height.0);
        store.apply(&execute(&genesis(), tip.height.next(), time, tip.size, statements, &store)?)?;
        Ok(())
    };
    apply(&depositors.iter().map(Depositor::creation).collect::<Vec<_>>())?;
    for first in (0..records).step_by(block as usize) {
        let one = |at: u32| depositors[(at % 200) as usize].deposit(&at.to_be_bytes(), None);
        apply(&(first..(first + block).min(records)).map(one).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn check(dir: &Path) -> Done {
    let begun = Instant::now();
    let now = TimestampMs(NOW.0 + u64::from(u32::MAX));
    let report = xiezhi_fsck::check(dir, &genesis(), LEDGER, now, None, &mut |_| {})?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("clean: {}, {} records, {} checkpoints", report.is_clean(), report.records, report.checkpoints);
    println!("{seconds:.1} s, {:.0} records/s", report.records as f64 / seconds);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    Ok(())
}

fn main() -> Done {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize, default: u32| args.get(at).map_or(Ok(default), |text| text.parse());
    match (args.get(1).map(String::as_str), args.get(2)) {
        (Some("fill"), Some(dir)) => fill(Path::new(dir), number(3, 100_000)?, number(4, 100)?),
        (Some("check"), Some(dir)) => check(Path::new(dir)),
        _ => Err("speed fill DIR [records] [records per block] | speed check DIR".into()),
    }
}
