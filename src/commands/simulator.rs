//! `simulator`: a simulated Ashby with a small organisation in it, to try the program on.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    ashby::http_client,
    clock::{Clock, SystemClock},
    config::SimulatorArgs,
    simulator::{ApiKey, Config, Simulator},
};

/// A simulator without an organisation in it.
pub fn empty(seed: u64, api_key: &str) -> Simulator {
    let now = Arc::new(|| SystemClock.now());
    Simulator::new(Config {
        seed,
        api_keys: vec![ApiKey::full(api_key)],
        now,
    })
    .sending_with(http_client())
}

/// Simulates an Ashby with the source, the archive reasons and one open job, until `shutdown`.
#[expect(
    clippy::print_stdout,
    reason = "what there is to register is the output of this command"
)]
pub async fn run(args: SimulatorArgs, shutdown: CancellationToken) -> Result<()> {
    let simulator = empty(args.seed, &args.api_key);
    let listener = TcpListener::bind(args.listen_addr)
        .await
        .with_context(|| format!("LISTEN_ADDR {}: cannot listen there", args.listen_addr))?;
    let addr = listener.local_addr()?;
    let serving = tokio::spawn({
        let (simulator, shutdown) = (simulator.clone(), shutdown.clone());
        async move { simulator.serve(listener, shutdown.cancelled_owned()).await }
    });
    let control = super::demo::Control::new(addr);
    control.furnish().await?;
    let job = control
        .make("jobs", serde_json::json!({ "title": "Staff Engineer" }))
        .await?;
    println!(
        "Ashby is simulated on http://{addr}; its key is {}",
        args.api_key
    );
    println!(
        "Open job: {} \u{201c}Staff Engineer\u{201d}",
        job["id"].as_str().unwrap_or_default()
    );
    println!("Who plays the hiring team: the control plane under http://{addr}/_sim/world");
    serving.await??;
    Ok(())
}
