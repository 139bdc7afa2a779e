//! Writes tables into a page of the documentation.

use std::{error::Error, fs, path::Path};

/// Replaces what is between the markers `<!-- name -->` and `<!-- /name -->`.
///
/// # Errors
///
/// Fails if the page lacks them.
pub(crate) fn update(path: &Path, name: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let page = fs::read_to_string(path)?;
    let replaced = replace(&page, name, text)
        .ok_or_else(|| format!("{} has no markers for {name}", path.display()))?;
    Ok(fs::write(path, replaced)?)
}

fn replace(page: &str, name: &str, text: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some(format!("{before}{open}\n\n{text}\n\n{close}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";

        let replaced = replace(page, "x", "new").unwrap();

        assert_eq!(replaced, "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n");
        assert_eq!(replace(&replaced, "x", "new").as_deref(), Some(&*replaced));
        assert_eq!(replace(page, "y", "new"), None);
    }
}
