//! Measures an alliance of four on loopback, in one process, with fsync: `measure [directory]`.
//!
//! Latency is from an item's arrival at one node to its being final and stored at that same node.

#[path = "../tests/toy/mod.rs"]
mod toy;

use bytes::Bytes;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use toy::{Alliance, Toy};
use xiezhi_consensus::Handle;

/// Eight of these fit in a block.
const MEGABYTE: usize = 1_000_000;
const LIMIT: Duration = Duration::from_secs(120);

fn main() {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let dir = tempfile::TempDir::new_in(std::env::args().nth(1).unwrap_or_else(|| ".".into())).unwrap();
    let alliance = Alliance::new(4, dir.path());
    let mut toys: Vec<_> = (0..4).map(|_| Toy::new()).collect();
    let began = Instant::now();
    let mut handles: Vec<_> = (0..4).map(|node| Some(alliance.start(node, &toys[node]).unwrap())).collect();
    let mut number = 0;
    one(&toys[0], &mut number, 100).await;
    println!("start to first block: {:?}", began.elapsed());
    print_memory();

    latency("idle alliance, one item every 300 ms", &toys, &mut number, load(60, 300, 100)).await;
    latency("one item every 20 ms", &toys, &mut number, load(400, 20, 100)).await;
    latency("1 MB item every 200 ms", &toys, &mut number, load(50, 200, MEGABYTE)).await;
    latency(
        "8 items of 1 MB every second",
        &toys,
        &mut number,
        Load { together: 8, ..load(15, 1000, MEGABYTE) },
    )
    .await;
    throughput("blocks back to back, small", &toys, &mut number, 5).await;

    toys[3].attach(None);
    handles[3].take().unwrap().stop().await;
    println!("-- node 3 stopped");
    latency("just stopped, every 20 ms for 3 s", &toys[..3], &mut number, load(150, 20, 100)).await;
    latency("absent, idle, every 300 ms", &toys[..3], &mut number, load(60, 300, 100)).await;
    latency("absent, every 20 ms", &toys[..3], &mut number, load(400, 20, 100)).await;
    throughput("absent, blocks back to back, small", &toys[..3], &mut number, 5).await;

    while toys[0].blocks().len() < 3000 {
        throughput("more blocks", &toys[..3], &mut number, 10).await;
    }
    let behind = toys[0].blocks().len() - toys[3].blocks().len();
    catch_up(&alliance, 3, &toys, &mut handles, &format!("own directory, {behind} blocks behind")).await;
    stop(&toys, &mut handles, 3).await;
    toys[3] = Toy::new();
    std::fs::remove_dir_all(alliance.config(3).storage_dir).unwrap();
    let height = toys[0].blocks().len();
    catch_up(&alliance, 3, &toys, &mut handles, &format!("empty directory, {height} blocks behind")).await;

    stop(&toys, &mut handles, 3).await;
    stop(&toys, &mut handles, 2).await;
    println!("-- nodes 2 and 3 stopped");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let began = Instant::now();
    handles[2] = Some(alliance.start(2, &toys[2]).unwrap());
    println!("node 2 opened its files in {:?}", began.elapsed());
    one(&toys[0], &mut number, 100).await;
    println!("resumed {:?} after node 2 was started", began.elapsed());
    for node in 0..3 {
        stop(&toys, &mut handles, node).await;
    }
    print_memory();
}

async fn stop(toys: &[Arc<Toy>], handles: &mut [Option<Handle>], node: usize) {
    toys[node].attach(None);
    handles[node].take().unwrap().stop().await;
}

/// Submits one item and waits until it is final at the same node.
async fn one(toy: &Arc<Toy>, number: &mut u64, bytes: usize) -> Duration {
    let item = next(number, bytes);
    let began = Instant::now();
    toy.submit(item.clone());
    assert!(toy.until(LIMIT, |toy| toy.final_at(&item).is_some()).await, "not final");
    toy.final_at(&item).unwrap() - began
}

fn next(number: &mut u64, bytes: usize) -> Bytes {
    *number += 1;
    let mut item = vec![0; bytes];
    item[..8].copy_from_slice(&number.to_be_bytes());
    item[8] = 1;
    item.truncate(bytes.min(toy::MESSAGE_BYTES_MAX));
    item.into()
}

/// So many times, every so often, so many items at one node, each of so many bytes.
struct Load {
    times: usize,
    every_ms: u64,
    together: usize,
    bytes: usize,
}

fn load(times: usize, every_ms: u64, bytes: usize) -> Load {
    Load { times, every_ms, together: 1, bytes }
}

/// Items at a fixed pace at the nodes in turn, never waiting for the ones before.
async fn latency(name: &str, toys: &[Arc<Toy>], number: &mut u64, load: Load) {
    let Load { times, every_ms, together, bytes } = load;
    let blocks = toys[0].blocks().len();
    let began = Instant::now();
    let cpu = cpu_seconds();
    let mut sent = Vec::new();
    for i in 0..times {
        tokio::time::sleep_until((began + Duration::from_millis(every_ms * i as u64)).into()).await;
        let toy = &toys[i % toys.len()];
        for _ in 0..together {
            let item = next(number, bytes);
            sent.push((toy, item.clone(), Instant::now()));
            toy.submit(item);
        }
    }
    let mut latencies = Vec::new();
    for (toy, item, at) in sent {
        assert!(toy.until(LIMIT, |toy| toy.final_at(&item).is_some()).await, "{name}: not final");
        latencies.push(toy.final_at(&item).unwrap() - at);
    }
    latencies.sort();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let wall = began.elapsed().as_secs_f64();
    println!(
        "{name}: p50 {:.1} ms, p90 {:.1}, p99 {:.1}, max {:.1}; {:.1} blocks/s, {:.2} cores",
        at(50),
        at(90),
        at(99),
        at(100),
        (toys[0].blocks().len() - blocks) as f64 / wall,
        (cpu_seconds() - cpu) / wall,
    );
}

/// A leader always has something: two items are always under way.
async fn throughput(name: &str, toys: &[Arc<Toy>], number: &mut u64, seconds: u64) {
    let blocks = toys[0].blocks().len();
    let began = Instant::now();
    let cpu = cpu_seconds();
    let mut under_way = std::collections::VecDeque::new();
    while began.elapsed() < Duration::from_secs(seconds) {
        while under_way.len() < 8 {
            let item = next(number, 100);
            toys[*number as usize % toys.len()].submit(item.clone());
            under_way.push_back(item);
        }
        let item = under_way.pop_front().unwrap();
        assert!(toys[0].until(LIMIT, |toy| toy.final_at(&item).is_some()).await, "{name}: not final");
    }
    let wall = began.elapsed().as_secs_f64();
    println!(
        "{name}: {:.1} blocks/s, {:.2} cores",
        (toys[0].blocks().len() - blocks) as f64 / wall,
        (cpu_seconds() - cpu) / wall
    );
}

async fn catch_up(
    alliance: &Alliance,
    node: usize,
    toys: &[Arc<Toy>],
    handles: &mut [Option<Handle>],
    name: &str,
) {
    let goal = toys[0].blocks().len();
    let behind = goal - toys[node].blocks().len();
    let began = Instant::now();
    handles[node] = Some(alliance.start(node, &toys[node]).unwrap());
    assert!(toys[node].until(LIMIT, |toy| toy.blocks().len() >= goal).await, "{name}: not caught up");
    let seconds = began.elapsed().as_secs_f64();
    println!("{name}: caught up in {seconds:.1} s, {:.0} blocks/s", behind as f64 / seconds);
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn print_memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    for line in status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS") || line.starts_with("Threads"))
    {
        println!("{line}");
    }
}
