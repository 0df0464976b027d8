//! `serve`: the provider kept up for any test framework, with a small control endpoint.

use std::{io::Write, sync::Arc};

use brownout::{
    gate::Exit,
    run::Asker,
    serve::{Control, listen},
};

use crate::{Done, Failed, cli::Serve, clients, library, usage};

/// Serves until it is interrupted. One line on standard output tells where.
pub fn serve(serve: &Serve) -> Done {
    let (_, library) = library(&serve.files)?;
    let asker = Asker {
        name: "serve".to_owned(),
        capabilities: clients::claims(&serve.claims)?,
        one_request: serve.one_request,
    };
    let control = Control::open(library.cases, serve.port, asker, serve.seed);
    let control = Arc::new(control.map_err(|error| usage(format_args!("port {}: {error}", serve.port)))?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", serve.control)).await;
        let listener = listener.map_err(|error| usage(format_args!("control port {}: {error}", serve.control)))?;
        if let Some(scenario) = &serve.scenario {
            control.arm(scenario, None).await.map_err(|why| usage(&why))?;
        }
        let mut line = control.place();
        line["control"] = format!("http://{}", listener.local_addr()?).into();
        let mut out = std::io::stdout();
        writeln!(out, "{line}")?;
        out.flush()?;
        tokio::select! {
            () = listen(control.clone(), listener) => {}
            result = tokio::signal::ctrl_c() => result?,
            () = clients::told_to_end() => {}
        }
        Ok::<Exit, Failed>(Exit::Fine)
    })
}
