//! The finished client: which files there are, under which names, and compressed how.
//!
//! What belongs to one build (script, module, style sheets) lies under `pkg/<hash>/`, so that it may be cached for
//! ever; whatever refers to it says `{{pkg}}` and is itself asked for anew each time.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use crate::home;

/// What stands in `static/` for the folder of one build.
const PKG: &str = "{{pkg}}";

/// What compression pays for; images and fonts are compressed already.
const TEXTUAL: [&str; 8] = [
    "css",
    "html",
    "js",
    "json",
    "svg",
    "txt",
    "wasm",
    "webmanifest",
];

/// All files of the client by their path below the site, with forward slashes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Site(BTreeMap<String, Vec<u8>>);

impl Site {
    /// Joins what the compiler made with the files of `fixed`.
    ///
    /// # Errors
    /// When a file cannot be read, or there is no `index.html`.
    pub(crate) fn assemble(bound: &Path, fixed: &Path) -> Result<Self> {
        let mut build = read(bound)?;
        let mut others = read(fixed)?;
        ensure!(
            others.contains_key("index.html"),
            "{} has no index.html",
            fixed.display()
        );
        let is_style = |name: &String, _: &mut Vec<u8>| name.ends_with(".css") && !is_of_lab(name);
        build.extend(others.extract_if(.., is_style));
        let folder = format!("pkg/{}", digest(&build));
        let mut files: BTreeMap<String, Vec<u8>> = build
            .into_iter()
            .map(|(name, content)| (format!("{folder}/{name}"), content))
            .collect();
        for (name, content) in others {
            files.insert(name, name_pkg(content, &folder));
        }
        Ok(Self(files))
    }

    /// Adds the brotli and gzip form of each file for which it pays, taken from `former` where the file is the same.
    ///
    /// # Errors
    /// When compression fails.
    pub(crate) fn compress(&mut self, former: &Path) -> Result<()> {
        let mut packed = BTreeMap::new();
        for (name, content) in &self.0 {
            if !TEXTUAL
                .iter()
                .any(|ending| name.ends_with(&format!(".{ending}")))
            {
                continue;
            }
            let same = fs::read(former.join(name)).is_ok_and(|known| known == *content);
            for (ending, pack) in [("br", brotli as fn(&[u8]) -> Result<Vec<u8>>), ("gz", gzip)] {
                let packed_name = format!("{name}.{ending}");
                let known = fs::read(former.join(&packed_name)).ok().filter(|_| same);
                let smaller = known.map_or_else(|| pack(content), Ok)?;
                if smaller.len() < content.len() {
                    packed.insert(packed_name, smaller);
                }
            }
        }
        self.0.extend(packed);
        Ok(())
    }

    /// Makes `folder` hold exactly these files; when it does already, nothing is touched, so nothing is built again.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            if read(folder)? == self.0 {
                return Ok(());
            }
            fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
        }
        for (name, content) in &self.0 {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    /// Returns what module, script and style sheets weigh in all, each as it is sent: by brotli where that is there.
    pub(crate) fn compiled_bytes(&self) -> usize {
        let is_compiled = |name: &&String| {
            let mut endings = [".wasm", ".js", ".css"].into_iter();
            endings.any(|ending| name.ends_with(ending)) && !is_of_lab(name)
        };
        let sent = |name: &String| self.0.get(&format!("{name}.br")).or(self.0.get(name));
        let files = self.0.keys().filter(is_compiled).filter_map(sent);
        files.map(Vec::len).sum()
    }

    /// Prints the size of each file, and of its compressed forms.
    pub(crate) fn report(&self) {
        println!(
            "{:>10} {:>10} {:>10}  target/site",
            "bytes", "gzip", "brotli"
        );
        let size = |name: &str| {
            self.0
                .get(name)
                .map_or_else(|| "-".to_owned(), |f| f.len().to_string())
        };
        let whole = |name: &str| !(name.ends_with(".br") || name.ends_with(".gz"));
        for name in self.0.keys().filter(|name| whole(name)) {
            let (gz, br) = (size(&format!("{name}.gz")), size(&format!("{name}.br")));
            println!("{:>10} {gz:>10} {br:>10}  {name}", size(name));
        }
    }
}

/// The lab is a page of its own, which no client loads.
fn is_of_lab(name: &str) -> bool {
    name.starts_with("lab/")
}

fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    home::files(folder)?
        .into_iter()
        .map(|path| Ok((name_below(folder, &path)?, fs::read(&path)?)))
        .collect()
}

fn name_below(folder: &Path, path: &Path) -> Result<String> {
    let below = path.strip_prefix(folder)?;
    let name = below.to_str().context("a file name that is no Unicode")?;
    Ok(name.replace('\\', "/"))
}

/// Names a build by its content: 16 hexadecimal digits.
fn digest(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for (name, content) in files {
        for part in [name.as_bytes(), content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Puts the folder of the build where a text refers to it; what is no text stays as it is.
fn name_pkg(content: Vec<u8>, folder: &str) -> Vec<u8> {
    match std::str::from_utf8(&content) {
        Ok(text) if text.contains(PKG) => text.replace(PKG, &format!("/{folder}")).into_bytes(),
        _ => content,
    }
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 1 << 16, 11, 24);
    writer.write_all(content)?;
    drop(writer);
    Ok(packed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(content)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    fn names(site: &Site) -> Vec<&str> {
        site.0.keys().map(String::as_str).collect()
    }

    #[test]
    fn what_belongs_to_a_build_is_named_by_content_and_referred_to_by_that_name() {
        let bound = folder(&[("web.js", "run()")]);
        let fixed = folder(&[
            ("index.html", "<link href='{{pkg}}/app.css'>"),
            ("app.css", "a{}"),
        ]);
        let site = Site::assemble(bound.path(), fixed.path()).unwrap();
        let [index, style, script] = names(&site)[..] else {
            panic!("{site:?}")
        };
        assert_eq!(index, "index.html");
        assert!(
            style.starts_with("pkg/") && style.ends_with("/app.css"),
            "{style}"
        );
        assert!(script.ends_with("/web.js"), "{script}");
        assert_eq!(
            site.0["index.html"],
            format!("<link href='/{style}'>").into_bytes()
        );

        let other = folder(&[("web.js", "run(2)")]);
        let changed = Site::assemble(other.path(), fixed.path()).unwrap();
        assert_ne!(names(&changed), names(&site));
    }

    #[test]
    fn what_is_compiled_weighs_what_is_sent_of_it() {
        let mut site = Site::default();
        for (name, len) in [
            ("index.html", 7),
            ("boot.js", 20),
            ("pkg/web.wasm", 4_000),
            ("pkg/web.wasm.br", 1_000),
            ("pkg/web.wasm.gz", 1_500),
            ("pkg/style.css", 300),
            ("pkg/style.css.br", 100),
        ] {
            site.0.insert(name.into(), vec![0; len]);
        }
        assert_eq!(site.compiled_bytes(), 20 + 1_000 + 100);
    }

    #[test]
    fn a_client_without_a_page_is_refused() {
        let empty = folder(&[]);
        assert!(Site::assemble(empty.path(), empty.path()).is_err());
    }

    #[test]
    fn writing_leaves_exactly_the_files_and_touches_nothing_twice() {
        let out = folder(&[("old.txt", "stale")]);
        let long = "juliet ".repeat(100);
        let mut site = Site::default();
        site.0.insert("a.txt".into(), long.clone().into_bytes());
        site.0.insert("b.png".into(), long.into_bytes());
        site.compress(out.path()).unwrap();
        assert_eq!(names(&site), ["a.txt", "a.txt.br", "a.txt.gz", "b.png"]);
        assert_eq!(site.compiled_bytes(), 0, "nothing of it is compiled");
        site.write(out.path()).unwrap();
        assert_eq!(read(out.path()).unwrap(), site.0);
        let written = fs::metadata(out.path().join("a.txt"))
            .unwrap()
            .modified()
            .unwrap();
        site.write(out.path()).unwrap();
        assert_eq!(
            fs::metadata(out.path().join("a.txt"))
                .unwrap()
                .modified()
                .unwrap(),
            written
        );
    }
}
