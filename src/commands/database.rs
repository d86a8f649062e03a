//! The database that a command works on: the one it was given, or a Postgres of its own with generated secrets beside it.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use secrecy::SecretString;
use sqlx::PgPool;

use crate::{
    clock::SystemClock,
    config::{self, AshbyArgs, DatabaseArgs},
    embedded_postgres::EmbeddedPostgres,
    ids::random_bytes,
    store::{self, StoreError, Vault},
    sync::{Clients, Sync},
    telemetry::Metrics,
};

/// The database in an own cluster.
const DATABASE: &str = "dover_ashby_sync";

/// Database sessions of one process, beside those of the inbox.
const SESSIONS: u32 = 16;

/// How long a statement waits for a session before it fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database that is up.
#[derive(Debug)]
pub struct Database {
    /// Where it is.
    pub url: String,
    /// The cluster, where it is our own.
    pub own: Option<EmbeddedPostgres>,
    data_dir: PathBuf,
}

impl Database {
    /// The database that was given, or an own one, started.
    pub async fn open(args: &DatabaseArgs) -> Result<Self> {
        let data_dir = args.data_dir.clone();
        if let Some(given) = &args.database_url {
            let url = config::database_url(given)?;
            return Ok(Self {
                url: url.to_owned(),
                own: None,
                data_dir,
            });
        }
        fs::create_dir_all(&data_dir)
            .with_context(|| format!("DATA_DIR {} cannot be made", data_dir.display()))?;
        let own = EmbeddedPostgres::start(&data_dir).await?;
        own.create_database(DATABASE, None).await?;
        Ok(Self {
            url: own.url(DATABASE),
            own: Some(own),
            data_dir,
        })
    }

    /// A pool on it.
    pub fn pool(&self) -> Result<PgPool> {
        Ok(store::pool(&self.url, SESSIONS, PATIENCE)?)
    }

    /// Opens stored secrets: with the key that was given, or beside an own cluster with a generated one.
    pub fn vault(&self, given: Option<&SecretString>) -> Result<Vault> {
        match given {
            Some(given) => Ok(config::vault(given)?),
            None if self.own.is_some() => {
                let (key, _) = kept(
                    &self.data_dir.join("master-key"),
                    Vault::generate_master_key,
                )?;
                Vault::from_base64(&key).with_context(|| {
                    format!(
                        "{} holds no master key",
                        self.data_dir.join("master-key").display()
                    )
                })
            }
            None => bail!(
                "MASTER_KEY is missing: with DATABASE_URL it must be set. Make one with `openssl rand -base64 32` and keep it; stored secrets open with no other."
            ),
        }
    }

    /// The vault to work with: that of the master key that the database is under, with its hash key. A rotation that was
    /// cut off beside an own cluster is brought to its end.
    pub async fn claimed(&self, pool: &PgPool, given: Option<&SecretString>) -> Result<Vault> {
        let vault = self.vault(given)?;
        match store::claim(pool, &vault).await {
            Err(StoreError::AnotherMasterKey)
                if given.is_none() && self.next_key_file().exists() =>
            {
                let next = self.next_vault(None)?;
                let claimed = store::claim(pool, &next).await?;
                self.put_next_key_in_place()?;
                Ok(claimed)
            }
            claimed => Ok(claimed?),
        }
    }

    /// The vault of the master key to rotate to: the one that was given, or beside an own cluster a generated one, kept
    /// until it is [put in place](Self::put_next_key_in_place).
    pub fn next_vault(&self, given: Option<&SecretString>) -> Result<Vault> {
        match given {
            Some(given) => Ok(config::next_vault(given)?),
            None if self.own.is_some() => {
                let (key, _) = kept(&self.next_key_file(), Vault::generate_master_key)?;
                let name = || format!("{} holds no master key", self.next_key_file().display());
                Vault::from_base64(&key).with_context(name)
            }
            None => bail!(
                "NEW_MASTER_KEY is missing: with DATABASE_URL it must be set. Make one with `openssl rand -base64 32`."
            ),
        }
    }

    /// The database is under the generated key from now on, and so is its file.
    pub fn put_next_key_in_place(&self) -> Result<()> {
        let (from, to) = (self.next_key_file(), self.data_dir.join("master-key"));
        fs::rename(&from, &to)
            .with_context(|| format!("{} cannot take its place", from.display()))?;
        fs::File::open(&self.data_dir)
            .and_then(|directory| directory.sync_all())
            .with_context(|| self.data_dir.display().to_string())
    }

    fn next_key_file(&self) -> PathBuf {
        self.data_dir.join("master-key.next")
    }

    /// The bootstrap admin token: the one that was given, or beside an own cluster a generated one. The second value
    /// tells whether it was made just now, and so is to be shown.
    pub fn admin_token(&self, given: Option<&SecretString>) -> Result<(SecretString, bool)> {
        match given {
            Some(given) => Ok((config::admin_token(given)?, false)),
            None if self.own.is_some() => {
                let (token, is_new) = kept(&self.data_dir.join("admin-token"), || {
                    hex::encode(random_bytes::<32>())
                })?;
                Ok((token.into(), is_new))
            }
            None => bail!(
                "ADMIN_TOKEN is missing: with DATABASE_URL it must be set. Make one with `openssl rand -hex 32`."
            ),
        }
    }

    /// Everything that the shell works with, on this database, with the vault to work with.
    pub async fn sync(&self, args: &AshbyArgs) -> Result<Sync> {
        let mut sync = self.unclaimed(args)?;
        sync.vault = self.claimed(&sync.pool, args.master_key.as_ref()).await?;
        Ok(sync)
    }

    /// The same before the database was asked whether the master key is its own ([`Database::claimed`]): with a vault that
    /// knows nobody, for what there is to do before that.
    pub fn unclaimed(&self, args: &AshbyArgs) -> Result<Sync> {
        let (clock, metrics) = (Arc::new(SystemClock), Metrics::default());
        Ok(Sync {
            pool: self.pool()?,
            vault: self.vault(args.master_key.as_ref())?,
            clients: Clients::new(
                args.ashby_base_url.clone(),
                Arc::clone(&clock) as _,
                metrics.clone(),
            ),
            clock,
            metrics,
            inflow: Arc::default(),
            interval: args.flush_interval,
            lease: args.flush_lease,
        })
    }

    /// Stops the cluster, where it is our own.
    pub async fn close(self) -> Result<()> {
        if let Some(own) = self.own {
            own.stop().await?;
        }
        Ok(())
    }
}

/// The secret in `file`, or a new one put there, readable by nobody else. Tells whether it is new.
fn kept(file: &Path, make: impl FnOnce() -> String) -> Result<(String, bool)> {
    let name = || file.display().to_string();
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
    {
        Ok(mut new) => {
            let secret = make();
            new.write_all(secret.as_bytes()).with_context(name)?;
            new.sync_all().with_context(name)?;
            Ok((secret, true))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let secret = fs::read_to_string(file)
                .with_context(name)?
                .trim()
                .to_owned();
            if secret.is_empty() {
                bail!("{} is empty: remove it to have a new one made", name());
            }
            Ok((secret, false))
        }
        Err(error) => Err(error).with_context(name),
    }
}
