//! Where the page is that plays Keyboardia in a browser: a directory that `keyboardia-page` has packed.

use crate::HostError;
use std::path::{Path, PathBuf};

/// Environment variable that names the directory of the page.
const VARIABLE: &str = "KEYBOARDIA_WEB";
/// What a directory must have to be a page.
pub(crate) const INDEX: &str = "index.html";
/// Written instead of a directory by those who want no page.
const NONE: &str = "none";

/// A directory with a page to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageDir(PathBuf);

impl PageDir {
    /// The page: in the named directory; else where the environment (`KEYBOARDIA_WEB`) says; else beside the program;
    /// else in `web/dist` of the working directory. `none` as a name is none. Never a path of the machine that built the
    /// program.
    ///
    /// # Errors
    /// [`HostError::NoPage`] when the named directory has no page.
    pub fn find(named: Option<&Path>) -> Result<Option<Self>, HostError> {
        let variable = std::env::var_os(VARIABLE).map(PathBuf::from);
        let program = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        Self::choose(named, variable.as_deref(), program.as_deref())
    }

    fn choose(
        named: Option<&Path>,
        variable: Option<&Path>,
        program: Option<&Path>,
    ) -> Result<Option<Self>, HostError> {
        if let Some(named) = named {
            let page = Self::open(named);
            return if page.is_none() && named != Path::new(NONE) {
                Err(HostError::NoPage(named.into()))
            } else {
                Ok(page)
            };
        }
        if let Some(variable) = variable {
            return Ok(Self::open(variable));
        }
        let beside = program.iter().flat_map(|dir| [dir.join("web"), dir.join("../share/keyboardia/web")]);
        Ok(beside.chain([PathBuf::from("web/dist")]).find_map(|path| Self::open(&path)))
    }

    fn open(path: &Path) -> Option<Self> {
        (path != Path::new(NONE) && path.join(INDEX).is_file()).then(|| Self(path.into()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_that_says_anything_decides() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["named", "variable", "program/web"] {
            std::fs::create_dir_all(at(name)).unwrap();
            std::fs::write(at(name).join(INDEX), "").unwrap();
        }
        let (named, variable, program) = (at("named"), at("variable"), at("program"));
        let found = |named: Option<&Path>, variable: Option<&Path>, program: Option<&Path>| {
            PageDir::choose(named, variable, program).unwrap().map(|page| page.0)
        };
        assert_eq!(found(Some(&named), Some(&variable), Some(&program)), Some(named.clone()));
        assert_eq!(found(None, Some(&variable), Some(&program)), Some(variable.clone()));
        assert_eq!(found(None, None, Some(&program)), Some(at("program/web")));
        assert_eq!(found(Some(Path::new("none")), Some(&variable), None), None);
        assert_eq!(found(None, Some(Path::new("none")), Some(&program)), None);
        assert_eq!(found(None, Some(&at("nothing")), Some(&program)), None, "the environment has said where");
        let error = PageDir::choose(Some(&at("nothing")), None, None).unwrap_err().to_string();
        assert!(error.contains("nothing") && error.ends_with('.'), "{error}");
    }
}
