//! Compiles the envelopes' schema, in Rust alone: no protoc is needed.

use std::error::Error;

const SCHEMA: &str = "metalayer/v1/envelope.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SCHEMA}");
    let descriptors = protox::compile([SCHEMA], ["."])?;
    prost_build::Config::new().bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
