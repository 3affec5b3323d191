//! The walls between the crates (docs/architecture.md): who may import whom, and which library is named where.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// For each crate, the crates of ours that it may depend on. Tests may also use `testkit`.
const ARROWS: &[(&str, &[&str])] = &[
    ("access", &["domain"]),
    ("bench", &[]),
    ("broker", &[]),
    ("common", &[]),
    ("console", &["access", "common", "domain", "storage"]),
    ("domain", &[]),
    // Test code all of it: what its tests share is a library, so that they can be several programs.
    ("e2e", &["domain", "storage", "testkit"]),
    ("gateway", &["common"]),
    ("images", &["domain"]),
    (
        "ingest-api",
        &["access", "broker", "common", "domain", "images", "messages", "storage"],
    ),
    ("messages", &["domain"]),
    ("node", &[]),
    ("realtime-ws", &["access", "broker", "common", "domain", "messages"]),
    ("stats", &["access", "common", "domain", "storage"]),
    ("storage", &["domain"]),
    ("testkit", &["broker", "domain", "storage"]),
    (
        "worker",
        &["broker", "common", "domain", "images", "messages", "storage"],
    ),
];

/// Libraries that only some crates may name, each for its reason.
const WALLS: &[(&str, &[&str])] = &[
    ("lapin", &["broker"]),
    ("deadpool-postgres", &["storage"]),
    ("refinery", &["storage"]),
    // bench looks at the tables from outside, as an operator would.
    ("tokio-postgres", &["storage", "bench"]),
    ("prost", &["messages"]),
    ("actix-http", &["common", "realtime-ws"]),
    ("pingora", &["gateway"]),
    ("jsonwebtoken", &["access"]),
];

fn packages() -> Vec<Package> {
    MetadataCommand::new().no_deps().exec().unwrap().packages
}

fn short(name: &str) -> &str {
    name.strip_prefix("citytrack-").unwrap_or(name)
}

#[test]
fn crates_import_only_along_the_arrows() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = short(package.name.as_str());
        let Some(allowed) = arrows.get(name) else {
            wrong.push(format!("{name} is not in the list of arrows"));
            continue;
        };
        let imports = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        let ours = imports.filter(|dependency| dependency.name.starts_with("citytrack-"));
        wrong.extend(
            ours.filter(|dependency| !allowed.contains(&short(&dependency.name)))
                .map(|dependency| format!("{name} must not import {}", short(&dependency.name))),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn libraries_are_named_only_behind_their_walls() {
    let mut wrong = Vec::new();
    for package in packages() {
        let name = short(package.name.as_str());
        let imports: BTreeSet<_> = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Build)
            .map(|dependency| dependency.name.as_str())
            .collect();
        for (library, homes) in WALLS {
            if imports.contains(library) && !homes.contains(&name) {
                wrong.push(format!("{name} names {library}, which belongs to {homes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn packages_are_called_like_their_folders_and_take_the_workspace_lints() {
    for package in packages() {
        let folder = package.manifest_path.parent().unwrap();
        assert_eq!(short(package.name.as_str()), folder.file_name().unwrap(), "{folder}");
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} has lints of its own",
            package.name
        );
    }
}

/// Licences that go well with Apache-2.0, as SPDX names; a new one is a decision, not an accident.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "Apache-2.0 WITH LLVM-exception",
];

#[test]
fn every_dependency_has_a_licence_that_we_can_take() {
    let all = MetadataCommand::new().exec().unwrap().packages;
    let mut wrong = Vec::new();
    for package in all.iter().filter(|package| package.source.is_some()) {
        let expression = package
            .license
            .clone()
            .unwrap_or_default()
            .replace('/', " OR ")
            .replace(['(', ')'], " ");
        // Fine when one alternative has only parts that are fine.
        let fine = expression
            .split(" OR ")
            .any(|alternative| alternative.split(" AND ").all(|part| LICENCES.contains(&part.trim())));
        if !fine {
            wrong.push(format!("{} {}: {:?}", package.name, package.version, package.license));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One version of everything that carries values across crates; two would make types differ that look the same.
#[test]
fn the_libraries_at_the_walls_come_in_one_version() {
    let all = MetadataCommand::new().exec().unwrap().packages;
    for library in [
        "tokio",
        "actix-web",
        "jiff",
        "uuid",
        "bytes",
        "prometheus",
        "tokio-postgres",
        "lapin",
        "prost",
    ] {
        let versions: Vec<_> = all
            .iter()
            .filter(|package| package.name.as_str() == library)
            .map(|package| &package.version)
            .collect();
        assert_eq!(versions.len(), 1, "{library}: {versions:?}");
    }
}
