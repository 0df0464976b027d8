//! What a start of a gateway needs: its configuration filled in, its command, its headers, who it is.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{self, Command},
};

use super::{
    Spec,
    fill::{self, Values},
};
use crate::{
    client::{About, Provider},
    policy::Policy,
    scenario::Host,
    wire::Front,
};

/// Templates by name.
pub type Templates = BTreeMap<String, String>;

/// How its process is started.
#[derive(Debug)]
pub struct Start {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables.
    pub environment: BTreeMap<String, String>,
    /// Where its configuration is, until all is over.
    _folder: Folder,
}

impl Start {
    /// Fills in all that a start needs; whether any of it says where the providers are.
    pub fn fill(spec: &Spec, command: Vec<String>, values: Values, folder: Folder) -> Result<(Self, bool), String> {
        if command.is_empty() {
            return Err("there is no command: write it in the description, or after `--`".to_owned());
        }
        let template = spec.config.as_ref().map(|file| beside(spec, file)).transpose()?;
        let path = spec.config.as_ref().and_then(|file| file.file_name()).map(|name| folder.0.join(name));
        let values = path.iter().fold(values, |values, path| values.with("config", path.display()));
        if let (Some(template), Some(path)) = (&template, &path) {
            let filled = values.fill(template).map_err(|why| format!("its configuration: {why}"))?;
            fs::write(path, filled).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        }
        let texts = template.iter().chain(&command).chain(spec.environment.values());
        let fixed = texts.into_iter().any(|text| fill::names_providers(text));
        let command = command.iter().map(|word| values.fill(word)).collect::<Result<_, _>>()?;
        let variables = spec.environment.iter().map(|(name, value)| Ok((name.clone(), values.fill(value)?)));
        let environment = variables.collect::<Result<_, String>>()?;
        Ok((Start { command, environment, _folder: folder }, fixed))
    }
}

/// A folder of its own, with all in it, until it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("brownout-{}-{:08x}", process::id(), fastrand::u32(..)));
        fs::create_dir(&folder)?;
        Ok(Folder(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn beside(spec: &Spec, file: &Path) -> Result<String, String> {
    let path = spec.folder.join(file);
    fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// All templates of headers.
pub fn headers(spec: &Spec) -> Result<[Templates; 2], String> {
    let of = |plain: &BTreeMap<String, String>, files: &BTreeMap<String, PathBuf>| {
        let files = files.iter().map(|(name, file)| Ok((name.clone(), beside(spec, file)?)));
        let plain = plain.iter().map(|(name, value)| Ok((name.clone(), value.clone())));
        files.chain(plain).collect::<Result<Templates, String>>()
    };
    let any = of(&spec.request.headers, &spec.request.header_files)?;
    let only_here = spec.request.only_here.clone().unwrap_or_default();
    let mut other = any.clone();
    other.extend(of(&only_here.headers, &only_here.header_files)?);
    Ok([any, other])
}

/// Its name, and the version that it has or prints.
pub fn about(spec: &Spec, values: &Values) -> Result<About, String> {
    let name = spec.client.name.clone();
    let [program, arguments @ ..] = &spec.client.version_command[..] else {
        return Ok(About { name, version: spec.client.version.clone().unwrap_or_else(|| "unknown".to_owned()) });
    };
    let arguments = arguments.iter().map(|word| values.fill(word)).collect::<Result<Vec<_>, _>>()?;
    let output = Command::new(values.fill(program)?).args(arguments).output();
    let output = output.map_err(|error| format!("its version: `{program}` does not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned();
    Ok(About { name, version: if said.is_empty() { "unknown".to_owned() } else { said } })
}

/// The providers at the fixed doors.
pub fn providers(front: &Front, policy: &Policy) -> Vec<Provider> {
    let path = policy.endpoint.path.trim_end_matches("/chat/completions");
    let urls = front.urls();
    let provider = |host: Host| Provider {
        name: host,
        base_url: format!("{}{path}", urls[&host]),
        api_key: front.keys()[&host].clone(),
        model: format!("brownout-{host}"),
    };
    Host::PROVIDERS.into_iter().map(provider).collect()
}

/// A port that nobody listens at.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
