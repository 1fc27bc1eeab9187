//! Puts the Lua scripts together: each file of `src` that is no fragment is written whole to `OUT_DIR/lua`, and
//! `OUT_DIR/lua_scripts.rs` lists them all, `OUT_DIR/lua_names.rs` the names of those that ship.

#[path = "src/redis/include.rs"]
mod include;

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use include::{Sources, render};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut sources = Sources::new();
    collect(Path::new("src"), &mut sources)?;
    let scripts = render(&sources).map_err(|error| error.to_string())?;
    let mut list = String::from("&[\n");
    for (name, text) in &scripts {
        let file = out.join("lua").join(format!("{name}.lua"));
        fs::create_dir_all(file.parent().ok_or("a script has a folder")?)?;
        fs::write(&file, text)?;
        writeln!(list, "    ({name:?}, include_str!(concat!(env!(\"OUT_DIR\"), \"/lua/{name}.lua\"))),")?;
    }
    list.push(']');
    fs::write(out.join("lua_scripts.rs"), list)?;
    // Without those that only tests run.
    let names: Vec<&String> = scripts.keys().filter(|name| !name.contains("/tests/")).collect();
    fs::write(out.join("lua_names.rs"), format!("&{names:?}"))?;
    Ok(())
}

fn collect(folder: &Path, sources: &mut Sources) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|ending| ending == "lua") {
            let name = path.strip_prefix("src")?.with_extension("");
            sources.insert(name.to_string_lossy().replace('\\', "/"), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
