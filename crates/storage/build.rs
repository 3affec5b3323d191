//! New migration files must make the crate compile again: the macro that embeds them only notices changed ones.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
