//! `bootstrap-token`: the way back in, for whoever may reach the database.

use anyhow::{Context, Result};

use super::{database::Database, serve::UNREACHABLE};
use crate::{
    clock::{Clock, SystemClock},
    config::{BootstrapArgs, OnOff},
    store,
    sync::tokens,
};

/// Turns the bootstrap token on or off, for every process of this database at once.
#[expect(
    clippy::print_stdout,
    reason = "what was done is the output of this command"
)]
pub async fn run(args: BootstrapArgs) -> Result<()> {
    let database = Database::open(&args.database).await?;
    let pool = database.pool()?;
    match args.to_be {
        OnOff::On => {
            store::token::set_bootstrap_off(&pool, None)
                .await
                .context(UNREACHABLE)?;
            println!(
                "The bootstrap token opens everything again. Make a token with it, then turn it off."
            );
        }
        OnOff::Off => {
            let now = SystemClock.now();
            tokens::turn_bootstrap_off(&pool, now, "command line").await?;
            println!(
                "The bootstrap token opens nothing any more. Turn it on again with this command."
            );
        }
    }
    database.close().await
}
