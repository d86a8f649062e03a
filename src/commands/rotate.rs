//! `rotate-master-key`: puts every stored secret under another master key.

use anyhow::Result;

use super::database::Database;
use crate::{
    config::RotateArgs,
    store::installation::{Rotated, rotate},
};

/// Rotates, and says what to do next. Run again after it was cut off, it goes on where it was.
#[expect(
    clippy::print_stdout,
    reason = "what was done, and what is left to do, is the output of this command"
)]
pub async fn run(args: RotateArgs) -> Result<()> {
    let database = Database::open(&args.database).await?;
    let old = database.vault(args.master_key.as_ref())?;
    let new = database.next_vault(args.new_master_key.as_ref())?;
    let rotated = rotate(&database.pool()?, &old, &new).await?;
    let is_generated = args.new_master_key.is_none();
    if is_generated {
        database.put_next_key_in_place()?;
    }
    match rotated {
        Rotated::Resealed(count) => {
            println!("{count} stored secrets are under the new master key.");
        }
        Rotated::Already => println!("The database was under the new master key already."),
    }
    println!(
        "Restart every process {}: those that still run under the old one end by themselves.",
        if is_generated {
            "of this DATA_DIR"
        } else {
            "with MASTER_KEY set to the new one"
        }
    );
    database.close().await
}
