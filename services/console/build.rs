//! The pages are built by `npm run build` in `web/` and embedded. A clean clone has none yet: it must compile anyway.

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=web/dist");
    let pages = Path::new("web/dist");
    fs::create_dir_all(pages)?;
    if !pages.join("index.html").exists() {
        println!(
            "cargo:warning=the web pages are not built, so this console only says how to build them: \
             in services/console/web run `npm ci && npm run build` (scripts/up does it)"
        );
    }
    Ok(())
}
