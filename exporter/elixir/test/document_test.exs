defmodule MemoryOSBridge.DocumentTest do
  use BridgeCase

  defp mailbox(server), do: Process.whereis(server) |> Process.info(:message_queue_len) |> elem(1)

  test "an idle MemoryOS gives every part and no error" do
    document = MemoryOSBridge.document()
    assert document.schema == "memoryos-stats/1"
    assert document.node == "nonode@nohost"
    assert document.manager.queued == 1780
    assert document.config.queue_max_depth == 256

    assert %{mode: :legacy, rollout_stage: :internal, last_rollback: nil, drift: %{ready?: false}} =
             document.release

    assert %{manager: %{message_queue_len: 0, memory: memory, pid: "#PID<" <> _}, release: %{started_at: at}} =
             document.process

    assert memory > 0 and at <= document.at
    assert document.errors == %{}
    assert Enum.sort(Map.keys(document.call_us)) == [:config, :manager, :release]
  end

  test "the limits are read once, until the manager is another one" do
    for _ <- 1..3, do: MemoryOSBridge.document()
    assert Enum.count(asked(MemoryManager), &(&1 == :current_config)) == 1
    stop_supervised!(MemoryManager)
    assert MemoryOSBridge.document().config == nil
    start_supervised!({MemoryManager, config: %{queue_max_depth: 512}})
    assert MemoryOSBridge.document().config == %{queue_max_depth: 512}
  end

  test "a stuck manager makes its parts null with the reason, and delays nothing else" do
    StandIn.stall(MemoryManager)
    document = MemoryOSBridge.document()
    assert %{manager: nil, config: nil, errors: %{manager: :timeout, config: :timeout}} = document
    assert document.release.mode == :legacy
    refute Map.has_key?(document.errors, :release)
  end

  test "the limits stay known while the manager is stuck" do
    MemoryOSBridge.document()
    StandIn.stall(MemoryManager)
    assert %{manager: nil, config: %{queue_max_depth: 256}, errors: errors} = MemoryOSBridge.document()
    assert errors == %{manager: :timeout}
  end

  test "the mailbox of a stuck manager is seen, and how long its call has taken so far" do
    StandIn.stall(MemoryManager)
    for n <- 1..300, do: spawn(fn -> Jido.MemoryOS.remember(%{id: n}, %{}) end)
    eventually(fn -> mailbox(MemoryManager) == 300 end)
    MemoryOSBridge.document()
    document = MemoryOSBridge.document()
    assert document.process.manager.message_queue_len == 301
    assert document.call_us.config >= 400_000
  end

  test "however many documents are asked for, a stuck process has one message of the bridge to work off" do
    StandIn.stall(MemoryManager)
    StandIn.stall(ReleaseController)
    1..20 |> Task.async_stream(fn _ -> MemoryOSBridge.document() end, max_concurrency: 10) |> Stream.run()
    assert mailbox(MemoryManager) == 1
    assert mailbox(ReleaseController) == 1
  end

  @tag bridge: [timeout_ms: 60_000]
  test "a late answer is waited for, and read once for all who wait" do
    StandIn.stall(MemoryManager)
    documents = for _ <- 1..5, do: Task.async(&MemoryOSBridge.document/0)
    eventually(fn -> mailbox(MemoryManager) == 1 end)
    StandIn.resume(MemoryManager)
    for document <- Task.await_many(documents), do: assert(document.manager.queued == 1780)
    assert asked(MemoryManager) == [:metrics, :current_config]
  end

  test "after a stall the next document is whole again" do
    StandIn.stall(MemoryManager)
    assert MemoryOSBridge.document().manager == nil
    StandIn.resume(MemoryManager)
    eventually(fn -> MemoryOSBridge.document().manager end)
    assert MemoryOSBridge.document().errors == %{}
  end

  test "a late answer is not given to the next document as if it were new" do
    MemoryOSBridge.document()
    StandIn.stall(MemoryManager)
    assert MemoryOSBridge.document().manager == nil
    StandIn.resume(MemoryManager)
    :sys.replace_state(MemoryManager, &put_in(&1.metrics.queued, 9_999))
    assert MemoryOSBridge.document().manager.queued == 9_999
  end

  test "a dead manager is null at once, the rest is there" do
    stop_supervised!(MemoryManager)
    document = MemoryOSBridge.document()
    assert %{manager: nil, config: nil, process: %{manager: nil, release: %{}}} = document
    assert document.errors == %{manager: :noproc, config: :noproc}
    assert document.release.mode == :legacy
  end

  test "a dead controller is null at once, the rest is there" do
    stop_supervised!(ReleaseController)
    document = MemoryOSBridge.document()
    assert %{release: nil, process: %{release: nil, manager: %{}}} = document
    assert document.errors == %{release: :noproc}
    assert document.manager.queued == 1780
  end

  @tag bridge: [timeout_ms: 60_000]
  test "a manager that dies while it is asked is an error at once, not after the time limit" do
    StandIn.stall(MemoryManager)
    document = Task.async(&MemoryOSBridge.document/0)
    eventually(fn -> mailbox(MemoryManager) == 1 end)
    Process.exit(Process.whereis(MemoryManager), :kill)
    assert %{manager: nil, errors: %{config: :killed}} = Task.await(document)
  end

  test "a process that was restarted has a later start" do
    before = MemoryOSBridge.document().process.manager
    stop_supervised!(MemoryManager)
    Process.sleep(5)
    start_supervised!(MemoryManager)
    later = MemoryOSBridge.document().process.manager
    assert later.started_at > before.started_at
    assert later.pid != before.pid
  end

  @tag release: [
         last_rollback: %{
           at: 1_795_330_091_710,
           mode_before: :memory_os,
           mode_after: :legacy,
           snapshot: %{latency_p95_ms: 1100.0, error_rate: 0.012, queue_depth: 40},
           thresholds: %{latency_p95_ms: 450, error_rate: 0.03, queue_depth: 200}
         }
       ]
  test "a rollback is there as MemoryOS remembers it, floats with an exponent included" do
    assert MemoryOSBridge.document().release.last_rollback.snapshot.latency_p95_ms == 1100.0
    assert IO.iodata_to_binary(MemoryOSBridge.json()) =~ ~s("latency_p95_ms":1.1e3)
  end

  @secret "agent-7-secret"
  @tag manager: [
         metrics: %{queued: 1, note: @secret, processed: @secret},
         config: %{queue_max_depth: 256, journal_path: @secret}
       ],
       release: [
         internal_groups: [@secret],
         canary_ratio: 0.5,
         rollout_stage: :global,
         last_rollback: %{
           at: 1,
           by: @secret,
           mode_before: @secret,
           snapshot: %{queue_depth: @secret, error_rate: 0.5}
         }
       ]
  test "no payload, id or name of an agent or group leaves the node" do
    alias MemoryOSBridge.{MemoryOS, ReleaseController}
    target = %{id: @secret, group: @secret, records: 3, failing: 1, legacy: 1, memory_os: 0}
    failing = fn -> {:error, %{details: %{code: @secret, reason: @secret}}} end
    ReleaseController.remember(target, %{text: @secret})
    MemoryOS.retrieve(target, %{text: @secret})
    MemoryOSBridge.measure(String.to_atom(@secret), target, failing)
    MemoryOSBridge.migrate(target)
    MemoryOSBridge.reconcile_target(target)
    ReleaseController.reconcile_post_rollback([target])
    caller = hanging(&MemoryOSBridge.measure(:remember, target, &1))
    json = IO.iodata_to_binary(MemoryOSBridge.json())
    refute json =~ @secret
    # and what is beside it is still there
    assert json =~ ~s("manager":{"queued":1})
    assert json =~ ~s("snapshot":{"error_rate":0.5})
    Process.exit(caller, :kill)
  end

  @tag bridge: [timeout_ms: 60_000], capture_log: true
  test "the reason of a crash, which holds what the process worked on, is reduced to a name" do
    StandIn.stall(MemoryManager)
    document = Task.async(&MemoryOSBridge.document/0)
    eventually(fn -> mailbox(MemoryManager) == 1 end)
    Process.exit(Process.whereis(MemoryManager), {:badmatch, "agent-7-secret"})
    assert Task.await(document).errors.config == :crashed
  end

  test "only keys of the published schema are in the document" do
    MemoryOSBridge.deprecated("Jido.MemoryOS.old/2", "0.3.0")
    document = MemoryOSBridge.document()

    assert document |> Map.keys() |> Enum.sort() ==
             Enum.sort(
               ~w(schema at node versions manager release process config operations migration reconciliation parity)a ++
                 ~w(rollback_evaluations deprecations errors call_us)a
             )
  end

  @tag bridge: false, capture_log: true
  test "without a bridge a document is an error that says what to do, and calls go through uncounted" do
    assert_raise RuntimeError, ~r/add {MemoryOSBridge, \[\]} to the children/, &MemoryOSBridge.document/0
    assert MemoryOSBridge.ReleaseController.remember(%{id: "a"}, %{}) == {:ok, :stored}
    assert MemoryOSBridge.measure(:forget, %{id: "a"}, fn -> :done end) == :done
    assert_raise RuntimeError, "full", fn -> MemoryOSBridge.measure(:forget, %{}, fn -> raise "full" end) end
    assert MemoryOSBridge.refresh() == :ok
    assert MemoryOSBridge.port() == nil

    assert {:ok, :stable} =
             MemoryOSBridge.ReleaseController.evaluate_rollback(
               latency_p95_ms: 1,
               error_rate: 0,
               queue_depth: 0
             )

    log = capture_log(fn -> assert {:ok, _} = MemoryOSBridge.migrate(%{id: "a", records: 5}) end)
    assert log =~ "not counted"
    assert_raise RuntimeError, ~r/not running/, fn -> MemoryOSBridge.report({:ok, :stable}) end
  end
end
