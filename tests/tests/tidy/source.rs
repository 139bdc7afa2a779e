use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text file by its path from the repository's root, with `/` between the parts.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// What is wrong, one line each, starting with where it is.
pub(crate) type Faults = Vec<String>;

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(crate) fn is_source(&self) -> bool {
        let extension = self.path.rsplit('.').next().unwrap_or_default();
        SOURCE_EXTENSIONS.contains(&extension)
    }

    /// Whether this is a file of tests only.
    pub(crate) fn is_test(&self) -> bool {
        let mut parts = self.path.split('/');
        parts.any(|part| matches!(part, "tests" | "tests.rs"))
    }

    /// The parsed manifest, if this is one.
    pub(crate) fn manifest(&self) -> Option<toml::Value> {
        let is_manifest = self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml");
        is_manifest.then(|| {
            let table = self.text.parse::<toml::Table>();
            toml::Value::Table(table.unwrap_or_else(|error| panic!("{}: {error}", self.path)))
        })
    }

    /// The lines of `text`, a part of this file from its start, that contain one of `words`
    /// as whole words.
    pub(crate) fn mentions(&self, text: &str, words: &[&str]) -> Faults {
        let in_word =
            |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        self.faulty_lines(text, words, |before, after| {
            !in_word(before) && !in_word(after)
        })
    }

    /// The lines of `text` that contain one of `marks` where `counts` agrees about the bytes
    /// before and after it.
    pub(crate) fn faulty_lines(
        &self,
        text: &str,
        marks: &[&str],
        counts: impl Fn(Option<u8>, Option<u8>) -> bool,
    ) -> Faults {
        let is_at = |line: &str, at: usize, mark: &str| {
            let before = line.as_bytes()[..at].last().copied();
            counts(before, line.as_bytes().get(at + mark.len()).copied())
        };
        let has = |line: &str, mark: &str| {
            line.match_indices(mark)
                .any(|(at, _)| is_at(line, at, mark))
        };
        let lines = (1..).zip(text.lines());
        lines
            .filter(|(_, line)| marks.iter().any(|mark| has(line, mark)))
            .map(|(number, line)| format!("{}:{number}: {}", self.path, line.trim()))
            .collect()
    }

    /// What the product code of one crate mentions of `words`: not its tests nor its comments.
    pub(crate) fn product_code_mentions(&self, folder: &str, words: &[&str]) -> Faults {
        let sources = format!("{folder}/src/");
        if !self.is_rust() || self.is_test() || !self.path.starts_with(&sources) {
            return Faults::new();
        }
        let code = without_comments(self.without_tests());
        let mut faults = self.mentions(&code, words);
        let modules = words.iter().filter_map(|word| word.strip_prefix("std::"));
        for module in modules {
            if imports_from_std(&code, module) {
                faults.push(format!("{}: imports {module} of std", self.path));
            }
        }
        faults
    }

    /// The file up to its tests, which stand at the very bottom.
    fn without_tests(&self) -> &str {
        let end = self.text.find("#[cfg(test)]\nmod ");
        &self.text[..end.unwrap_or(self.text.len())]
    }
}

/// Every text file of the repository, built and fetched ones left out.
pub(crate) fn repository() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_symlink() || path.file_name().is_some_and(is_not_ours) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.extend(read(root, &path));
            }
        }
    }
    for expected in [
        "Cargo.toml",
        "protocol/src/lib.rs",
        "tests/tests/tidy/main.rs",
    ] {
        assert!(
            files.iter().any(|file| file.path == expected),
            "{expected} not seen"
        );
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The names of the packages that a manifest needs outside its tests.
pub(crate) fn dependencies(manifest: &toml::Value) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let scopes = targets.into_iter().flat_map(toml::Table::values);
    let scopes: Vec<_> = scopes.chain([manifest]).collect();
    let tables = scopes.iter().flat_map(|scope| {
        ["dependencies", "build-dependencies"]
            .into_iter()
            .filter_map(|kind| scope.get(kind)?.as_table())
    });
    let package = |(key, value): (&String, &toml::Value)| {
        let renamed = value.get("package").and_then(toml::Value::as_str);
        renamed.unwrap_or(key).to_owned()
    };
    tables.flatten().map(package).collect()
}

/// The value at the end of a path of keys.
pub(crate) fn lookup<'a>(value: &'a toml::Value, keys: &[&str]) -> Option<&'a toml::Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

/// Whether a `use std::{…}` names the module, however it is laid out.
fn imports_from_std(code: &str, module: &str) -> bool {
    let lists = code.split("use std::{").skip(1);
    let mut lists = lists.filter_map(|list| list.split(';').next());
    lists.any(|list| {
        let mut items = list.split([',', '{', '}']);
        items.any(|item| item.trim().split("::").next() == Some(module))
    })
}

/// Blanks whole-line comments and keeps the numbers of the lines.
fn without_comments(code: &str) -> String {
    let keep = |line: &str| !line.trim_start().starts_with("//");
    let lines = code.lines().map(|line| if keep(line) { line } else { "" });
    lines.collect::<Vec<_>>().join("\n")
}

fn read(root: &Path, path: &PathBuf) -> Option<Source> {
    let text = String::from_utf8(fs::read(path).unwrap()).ok()?;
    let path = path.strip_prefix(root).unwrap().to_str()?;
    Some(Source::new(&path.replace('\\', "/"), &text))
}

fn is_not_ours(name: &std::ffi::OsStr) -> bool {
    NOT_OURS.iter().any(|other| name == *other)
}

const SOURCE_EXTENSIONS: &[&str] = &[
    "cjs", "css", "html", "js", "json", "mjs", "py", "rs", "sh", "toml", "ts", "yaml", "yml",
];

const NOT_OURS: &[&str] = &[
    ".git",
    "artefacts",
    "artifacts",
    "corpus",
    "node_modules",
    "target",
];
