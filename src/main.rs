//! Parses the arguments and dispatches.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use dover_ashby_sync::{
    commands::{bootstrap, demo, doctor, flush, openapi, rotate, send, serve, simulator, work},
    config::{Cli, Command},
    shutdown, telemetry,
};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // For the doctor 1 means warnings; not being able to look at all is a fault.
    let failed = if matches!(cli.command, Command::Doctor(_)) {
        2
    } else {
        1
    };
    match Box::pin(run(cli)).await {
        Ok(code) => code,
        Err(error) => {
            eprintln_error(&error);
            ExitCode::from(failed)
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what stopped the program is told to the person at the terminal"
)]
fn eprintln_error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let quiet = matches!(
        cli.command,
        Command::Demo(_)
            | Command::Openapi
            | Command::Send(_)
            | Command::Doctor(_)
            | Command::BootstrapToken(_)
            | Command::RotateMasterKey(_)
    );
    // The driver tells of every notice; only its troubles matter.
    let usual = if quiet { "warn" } else { "info,sqlx=warn" };
    telemetry::start_logging(cli.log_format, cli.log_filter.as_deref().unwrap_or(usual))
        .map_err(anyhow::Error::msg)?;
    let shutdown = shutdown::on_signal()?;
    match cli.command {
        Command::Serve(args) => serve::run(args, shutdown).await?,
        Command::Work(args) => work::run(args, shutdown).await?,
        Command::Migrate(args) => work::migrate(args).await?,
        Command::Demo(args) => demo::run(args, shutdown).await?,
        Command::Simulator(args) => simulator::run(args, shutdown).await?,
        Command::Doctor(args) => return Ok(ExitCode::from(doctor::run(args).await?)),
        Command::Flush(args) => flush::run(args, shutdown).await?,
        Command::Send(args) => send::run(args).await?,
        Command::BootstrapToken(args) => bootstrap::run(args).await?,
        Command::RotateMasterKey(args) => rotate::run(args).await?,
        Command::Openapi => openapi::run(),
    }
    Ok(ExitCode::SUCCESS)
}
