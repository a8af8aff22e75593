//! Runs the client's unit tests in a browser; cargo's runner for wasm, in the version that the lock file names.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
