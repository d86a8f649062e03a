//! Imports point downward only. The table is the one of `docs/architecture.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::visit::{self, Visit};

/// What each module may import of ours, beside itself. Modules in the first line are the ground: everyone may.
const GROUND: [&str; 3] = ["ids", "clock", "telemetry"];
const MAY_IMPORT: [(&str, &[&str]); 16] = [
    ("ids", &[]),
    ("clock", &[]),
    ("telemetry", &[]),
    ("shutdown", &[]),
    ("embedded_postgres", &["ids", "clock"]),
    ("config", &["store", "telemetry"]),
    ("plan", &["ids"]),
    ("dover", &["plan"]),
    ("ashby", &["plan"]),
    ("store", &["plan"]),
    ("sync", &["plan", "dover", "ashby", "store"]),
    ("worker", &["sync", "store"]),
    ("http", &["store", "sync", "plan", "dover", "ashby"]),
    ("simulator", &[]),
    (
        "commands",
        &[
            "config",
            "embedded_postgres",
            "plan",
            "dover",
            "ashby",
            "store",
            "sync",
            "worker",
            "http",
            "simulator",
            "shutdown",
        ],
    ),
    ("main", &["commands", "config", "shutdown", "telemetry"]),
];

#[test]
fn imports_point_downward_only() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.into();
    let mut wrong = Vec::new();
    for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let may = allowed
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{module} is not in the table"));
        // The simulator and the core stand on nothing but what the table names.
        let is_strict = matches!(module.as_str(), "simulator" | "plan");
        for imported in imports(&file) {
            let is_fine = imported == module
                || may.contains(&imported.as_str())
                || (!is_strict && GROUND.contains(&imported.as_str()));
            if !is_fine {
                wrong.push(format!("{} imports {imported}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The top-level module that a file belongs to.
fn module_of(file: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let first = file
        .strip_prefix(root)
        .unwrap()
        .components()
        .next()
        .unwrap();
    Path::new(first.as_os_str())
        .file_stem()
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

/// The top-level modules of ours that a file names, in `use` or in place; test modules left out.
fn imports(file: &Path) -> BTreeSet<String> {
    let parsed = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
    let mut found = Found::default();
    found.visit_file(&parsed);
    found.0
}

#[derive(Default)]
struct Found(BTreeSet<String>);

impl Found {
    fn tree(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                self.0.insert(path.ident.to_string());
            }
            syn::UseTree::Name(name) => {
                self.0.insert(name.ident.to_string());
            }
            syn::UseTree::Rename(rename) => {
                self.0.insert(rename.ident.to_string());
            }
            syn::UseTree::Glob(_) => {}
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree)),
        }
    }
}

fn is_ours(ident: &syn::Ident) -> bool {
    ident == "crate" || ident == "dover_ashby_sync"
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let syn::UseTree::Path(path) = &item.tree
            && is_ours(&path.ident)
        {
            self.tree(&path.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        if let (Some(first), Some(second)) = (segments.next(), segments.next())
            && is_ours(&first.ident)
        {
            self.0.insert(second.ident.to_string());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = item.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute
                    .meta
                    .require_list()
                    .is_ok_and(|list| list.tokens.to_string() == "test")
        });
        if !is_test {
            visit::visit_item_mod(self, item);
        }
    }
}
