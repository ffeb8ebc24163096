defmodule MemoryOSBridge.SupervisionTest do
  use BridgeCase

  @moduletag capture_log: true

  for {options, says} <- [
        {[prot: 9944], "unknown options [:prot]"},
        {[port: 70_000], "port: 70000 is not a port number"},
        {[port: "9944"], "port: \"9944\" is not a port number"},
        {[ip: "127.0.0.1"], "ip: \"127.0.0.1\" is not an address"},
        {[token: ""], "token: is not a string that is not empty"},
        {[token: 42], "token: is not a string"},
        {[max_connections: 0], "max_connections: 0 is not a whole number above 0"},
        {[timeout_ms: 1.5], "timeout_ms: 1.5 is not a whole number above 0"},
        {[release: "Elixir.Foo"], "release: \"Elixir.Foo\" is not a local name or pid"},
        {[manager: nil], "manager: nil is not a local name or pid"},
        {[ip: {0, 0, 0, 0}], "ip {0, 0, 0, 0} is not loopback: give a token"}
      ] do
    @tag bridge: false
    test "#{inspect(options)} is refused with a word on what is wrong" do
      error = assert_raise ArgumentError, fn -> MemoryOSBridge.start_link(unquote(Macro.escape(options))) end
      assert Exception.message(error) =~ unquote(says)
    end
  end

  @tag bridge: false
  test "a secret is not in the message that refuses it" do
    error = assert_raise ArgumentError, fn -> MemoryOSBridge.start_link(token: ~c"hunter2") end
    refute Exception.message(error) =~ "hunter2"
  end

  @tag bridge: false
  test "outside of loopback it may listen with a token" do
    start_supervised!({MemoryOSBridge, port: 0, ip: {0, 0, 0, 0}, token: "s3cret"})
    eventually(&MemoryOSBridge.port/0)
  end

  @tag bridge: [port: 0]
  test "whatever of it dies, and however often, the application goes on and no count is lost" do
    eventually(&MemoryOSBridge.port/0)
    MemoryOSBridge.measure(:remember, :legacy, fn -> {:ok, 1} end)
    MemoryOSBridge.migrate(%{id: "a", records: 5})
    supervisor = Process.whereis(MemoryOSBridge)

    for _ <- 1..20, {_id, pid, _type, _modules} <- Supervisor.which_children(MemoryOSBridge), is_pid(pid) do
      Process.exit(pid, :kill)
    end

    assert Process.whereis(MemoryOSBridge) == supervisor
    eventually(fn -> MemoryOSBridge.document().release end)
    eventually(fn -> match?({:ok, _}, :gen_tcp.connect({127, 0, 0, 1}, MemoryOSBridge.port() || 0, [])) end)
    assert series(:legacy, :remember).ok == 1
    assert MemoryOSBridge.document().migration.records_migrated == 5
  end

  test "a document that is asked for while a reader is being restarted says so and is whole otherwise" do
    :ok = Supervisor.terminate_child(MemoryOSBridge, :manager)
    assert %{manager: nil, config: nil, errors: errors, release: %{}} = MemoryOSBridge.document()
    assert errors == %{manager: :bridge, config: :bridge}
  end

  test "a call that is under way when the bridge stops is not disturbed, nor are those after it" do
    test = self()

    caller =
      Task.async(fn ->
        MemoryOSBridge.measure(:remember, :legacy, fn ->
          send(test, :inside)
          receive(do: (:go_on -> {:ok, :stored}))
        end)
      end)

    assert_receive :inside
    stop_supervised!(MemoryOSBridge)
    send(caller.pid, :go_on)
    assert Task.await(caller) == {:ok, :stored}
    assert MemoryOSBridge.measure(:remember, :legacy, fn -> :ok end) == :ok
  end

  test "a bridge that starts again counts anew and says since when" do
    MemoryOSBridge.measure(:remember, :legacy, fn -> {:ok, 1} end)
    since = MemoryOSBridge.document().operations.since
    stop_supervised!(MemoryOSBridge)
    Process.sleep(5)
    start_supervised!({MemoryOSBridge, port: nil})
    assert MemoryOSBridge.document().operations.since > since
    assert series(:legacy, :remember).ok == 0
  end

  @tag manager: false, release: false
  test "it starts before MemoryOS does, and finds it" do
    assert %{manager: nil, release: nil, process: %{manager: nil, release: nil}} = MemoryOSBridge.document()
    start_supervised!(MemoryManager)
    start_supervised!(ReleaseController)
    assert %{manager: %{}, release: %{}} = MemoryOSBridge.document()
  end

  test "MemoryOS without a function that the bridge calls makes a part null, not a crash" do
    # The bridge's own modules are loaded by this, whichever test comes first: they could not be found below.
    assert %{manager: %{}} = MemoryOSBridge.document()
    :code.purge(Jido.MemoryOS.MemoryManager)
    :code.delete(Jido.MemoryOS.MemoryManager)
    path = :code.get_path()
    :code.set_path([])
    reader = Process.whereis(MemoryOSBridge.Reader.name(:manager))

    try do
      assert %{manager: nil, errors: %{manager: :undef}} = MemoryOSBridge.document()
      assert Process.whereis(MemoryOSBridge.Reader.name(:manager)) == reader
    after
      :code.set_path(path)
    end
  end
end
