defmodule MemoryOSBridge.MixProject do
  use Mix.Project

  def project do
    [
      app: :memory_os_bridge,
      version: "0.1.0",
      description:
        "Times calls to Jido.MemoryOS, remembers what it forgets, and serves both to the Prometheus exporter",
      elixir: ">= 1.14.0 and < 2.0.0",
      elixirc_paths: if(Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]),
      deps: []
    ]
  end

  def application, do: [extra_applications: [:logger]]
end
