//! `bootstrap-token`: the way back in, for whoever may reach the database.

use anyhow::{Error, Result};

use super::{database::Database, serve::UNREACHABLE};
use crate::{
    clock::{Clock, SystemClock},
    config::{BootstrapArgs, OnOff},
    store::audit::By,
    sync::tokens::{self, TokenError},
};

/// Turns the bootstrap token on or off, for every process of this database at once.
#[expect(
    clippy::print_stdout,
    reason = "what was done is the output of this command"
)]
pub async fn run(args: BootstrapArgs) -> Result<()> {
    let database = Database::open(&args.database).await?;
    let pool = database.pool()?;
    let is_on = match args.to_be {
        OnOff::On => true,
        OnOff::Off => false,
    };
    let (name, at) = ("command line", SystemClock.now());
    tokens::turn_bootstrap(&pool, is_on, By { name, at })
        .await
        .map_err(|error| match error {
            TokenError::Store(error) => Error::from(error).context(UNREACHABLE),
            refused => refused.into(),
        })?;
    println!(
        "{}",
        if is_on {
            "The bootstrap token opens everything again. Make a token with it, then turn it off."
        } else {
            "The bootstrap token opens nothing any more. Turn it on again with this command."
        }
    );
    database.close().await
}
