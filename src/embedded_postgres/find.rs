//! Where the Postgres programs are, and what to install where there are none.
//!
//! Distributions disagree: Debian keeps the server's programs off `PATH` and one directory a major version, Homebrew
//! likewise for its versioned formulae, Fedora and Alpine put them on `PATH`. A `postgres` alone on `PATH` says little (it
//! may be a wrapper), so a directory counts only if `initdb` is beside it and both tell their version.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::{EmbeddedError, variable};

/// Directories that hold one installation for each major version, as parent, prefix of the entry, and what follows.
const VERSIONED: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/usr", "pgsql-", "bin"),
];

/// The programs of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
    pub(super) major: u32,
}

/// What the search goes by, so that a test can make the world empty.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// `PATH`.
    pub(super) path: OsString,
    /// Directories of versioned installations, as [`VERSIONED`].
    pub(super) versioned: Vec<(PathBuf, String, String)>,
    /// The text of `/etc/os-release`; `None` where there is none, as on macOS.
    pub(super) os_release: Option<String>,
}

impl Search {
    /// The search on this system.
    pub(super) fn here() -> Self {
        Self {
            path: variable("PATH").unwrap_or_default(),
            versioned: VERSIONED
                .iter()
                .map(|(parent, prefix, tail)| {
                    (
                        PathBuf::from(parent),
                        (*prefix).to_owned(),
                        (*tail).to_owned(),
                    )
                })
                .collect(),
            os_release: fs::read_to_string("/etc/os-release").ok(),
        }
    }

    /// The programs to use: those of `wanted`'s major version where a cluster is there already, else the first found.
    pub(super) async fn programs(
        &self,
        wanted: Option<(&Path, u32)>,
    ) -> Result<Programs, EmbeddedError> {
        let mut majors = Vec::new();
        for directory in self.directories().await {
            let Some(programs) = probe(&directory).await else {
                continue;
            };
            if wanted.is_none_or(|(_, major)| major == programs.major) {
                return Ok(programs);
            }
            majors.push(programs.major.to_string());
        }
        match wanted {
            Some((cluster, wanted)) if !majors.is_empty() => Err(EmbeddedError::OtherVersion {
                cluster: cluster.to_owned(),
                wanted,
                installed: majors.join(", "),
            }),
            _ => Err(EmbeddedError::ProgramsMissing {
                install: install_hint(self.os_release.as_deref()),
            }),
        }
    }

    /// Every directory with both programs, in the order of preference, each once.
    async fn directories(&self) -> Vec<PathBuf> {
        let on_path: Vec<PathBuf> = std::env::split_paths(&self.path)
            .filter(|directory| directory.is_absolute())
            .collect();
        let told = match on_path
            .iter()
            .map(|d| d.join("pg_config"))
            .find(|p| executable(p))
        {
            Some(pg_config) => output(&pg_config, "--bindir").await.map(PathBuf::from),
            None => None,
        };
        let mut seen = HashSet::new();
        on_path
            .into_iter()
            .chain(told)
            .chain(self.versioned())
            .filter(|directory| executable(&directory.join("postgres")))
            .filter(|directory| executable(&directory.join("initdb")))
            // Links from /usr/bin lead to places that come up again further down.
            .filter(|directory| {
                fs::canonicalize(directory.join("initdb")).is_ok_and(|real| seen.insert(real))
            })
            .collect()
    }

    /// The versioned installations, newest first.
    fn versioned(&self) -> Vec<PathBuf> {
        let mut found: Vec<(u32, PathBuf)> = self
            .versioned
            .iter()
            .flat_map(|(parent, prefix, tail)| {
                fs::read_dir(parent)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .filter_map(move |entry| {
                        let name = entry.file_name().into_string().ok()?;
                        let major = name.strip_prefix(prefix.as_str())?.parse().ok()?;
                        Some((major, entry.path().join(tail)))
                    })
            })
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, directory)| directory).collect()
    }
}

/// The programs in `directory`, if both run and agree on their version.
async fn probe(directory: &Path) -> Option<Programs> {
    let (initdb, postgres) = (directory.join("initdb"), directory.join("postgres"));
    let major = major_version(&output(&postgres, "--version").await?)?;
    (major_version(&output(&initdb, "--version").await?)? == major).then_some(Programs {
        initdb,
        postgres,
        major,
    })
}

/// `17` from `postgres (PostgreSQL) 17.2 (Debian …)`, also from `18beta1`.
fn major_version(line: &str) -> Option<u32> {
    let version = line.split_once(") ")?.1;
    let end = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version[..end].parse().ok()
}

/// What `program argument` prints, trimmed; `None` if it fails.
async fn output(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The sentence that names the package to install, by `ID` and `ID_LIKE` of `/etc/os-release`.
fn install_hint(os_release: Option<&str>) -> String {
    if cfg!(target_os = "macos") {
        return "Install them with: brew install postgresql@17".to_owned();
    }
    let command = os_release
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
        .flat_map(|ids| ids.trim_matches('"').split_whitespace())
        .find_map(|id| match id {
            "debian" | "ubuntu" => Some("apt-get install postgresql"),
            "fedora" | "rhel" | "centos" => Some("dnf install postgresql-server"),
            "alpine" => Some("apk add postgresql"),
            "arch" => Some("pacman -S postgresql"),
            "suse" | "opensuse" => Some("zypper install postgresql-server"),
            _ => None,
        });
    match command {
        Some(command) => format!("Install them with: {command}"),
        None => "Install your system's PostgreSQL server package".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> Search {
        Search {
            path: OsString::from("/nonexistent"),
            versioned: Vec::new(),
            os_release: Some("NAME=\"Debian GNU/Linux\"\nID=debian\n".to_owned()),
        }
    }

    fn install(directory: &Path, program: &str, version: &str) {
        fs::create_dir_all(directory).unwrap();
        let path = directory.join(program);
        fs::write(
            &path,
            format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n"),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    #[cfg(not(target_os = "macos"))]
    async fn where_nothing_is_installed_the_package_and_the_compose_file_are_named() {
        let error = nowhere().programs(None).await.unwrap_err().to_string();
        assert!(
            error.contains("Install them with: apt-get install postgresql, or"),
            "{error}"
        );
        assert!(error.contains("docker compose up"), "{error}");
    }

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn the_package_is_named_as_the_system_calls_it() {
        let hint = |text| install_hint(Some(text));
        assert!(
            hint("ID=linuxmint\nID_LIKE=\"ubuntu debian\"").ends_with("apt-get install postgresql")
        );
        assert!(
            hint("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"")
                .ends_with("dnf install postgresql-server")
        );
        assert!(hint("ID=alpine").ends_with("apk add postgresql"));
        assert!(install_hint(None).contains("PostgreSQL server package"));
    }

    #[tokio::test]
    async fn a_postgres_without_initdb_beside_it_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let (lone, whole) = (root.path().join("lone"), root.path().join("whole"));
        install(&lone, "postgres", "17.2");
        install(&whole, "postgres", "15.1");
        install(&whole, "initdb", "15.1");
        let search = Search {
            path: std::env::join_paths([&lone, &whole]).unwrap(),
            ..nowhere()
        };
        let programs = search.programs(None).await.unwrap();
        assert_eq!(
            (programs.major, programs.initdb.starts_with(&whole)),
            (15, true)
        );
    }

    #[tokio::test]
    async fn the_newest_version_is_taken_unless_the_cluster_is_older() {
        let root = tempfile::tempdir().unwrap();
        for (directory, version) in [("9", "9.6.24"), ("15", "15.18"), ("17", "17beta1")] {
            for program in ["initdb", "postgres"] {
                install(&root.path().join(directory).join("bin"), program, version);
            }
        }
        let search = Search {
            versioned: vec![(root.path().to_owned(), String::new(), "bin".to_owned())],
            ..nowhere()
        };
        let cluster = Path::new("/data");
        assert_eq!(search.programs(None).await.unwrap().major, 17);
        assert_eq!(
            search.programs(Some((cluster, 15))).await.unwrap().major,
            15
        );
        let error = search.programs(Some((cluster, 16))).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("made by PostgreSQL 16, and only 17, 15, 9 is installed"),
            "{error}"
        );
    }
}
