# Stand-ins for MemoryOS: processes of the same names, that answer the same messages as the recordings show, and like the
# real ones stop at a message they do not know. `stall/1` makes one busy until `resume/1`.

defmodule Jido.MemoryOS.MemoryManager do
  use GenServer

  @metrics %{
    approvals_active: 1,
    audit_events: 2000,
    cache_hit: 609,
    cache_invalidated: 397,
    cache_miss: 413,
    cancelled: 0,
    dead_lettered: 25,
    idempotent_reused: 1,
    journal_events: 5341,
    journal_replayed: 0,
    overloaded: 46,
    pending_agents: 0,
    processed: 1780,
    query_cache_entries: 16,
    queue_depth: 0,
    queued: 1780,
    retried: 50,
    starvation_prevented: 0,
    throttled: 294,
    timed_out: 20
  }
  @config %{
    adaptive_throttle_enabled: true,
    adaptive_throttle_soft_limit: 0.8,
    adaptive_throttle_target_depth: 192,
    dead_letter_limit: 200,
    journal_limit: 20_000,
    journal_path: "/var/lib/agent-7/journal.log",
    queue_max_depth: 256,
    queue_per_agent: 32,
    request_timeout_ms: 15_000
  }

  def start_link(options \\ []) do
    state = %{metrics: @metrics, config: @config, answer: {:ok, :stored}, asked: []}
    GenServer.start_link(__MODULE__, Map.merge(state, Map.new(options)), name: __MODULE__)
  end

  def metrics(server \\ __MODULE__), do: GenServer.call(server, :metrics)
  def current_config(server \\ __MODULE__), do: GenServer.call(server, :current_config)
  def remember(target, attrs, options \\ []), do: request({:remember, target, attrs}, options)
  def retrieve(target, query, options \\ []), do: request({:retrieve, target, query}, options)

  def request(message, options) do
    {server, options} = Keyword.pop(options, :server, __MODULE__)
    GenServer.call(server, message, Keyword.get(options, :call_timeout, :infinity))
  end

  @impl true
  def init(state), do: {:ok, state}

  @impl true
  def handle_call(:metrics, _from, state), do: {:reply, {:ok, state.metrics}, note(state, :metrics)}

  def handle_call(:current_config, _from, state),
    do: {:reply, {:ok, %{manager: state.config}}, note(state, :current_config)}

  def handle_call({operation, _target, _payload}, _from, state) when operation in [:remember, :retrieve],
    do: {:reply, state.answer, state}

  @impl true
  def handle_info(message, state), do: StandIn.stalled(message, state)

  defp note(state, message), do: update_in(state.asked, &[message | &1])
end

defmodule Jido.MemoryOS.ReleaseController do
  use GenServer

  @status %{
    mode: :legacy,
    rollout_stage: :internal,
    fallback_enabled: true,
    canary_ratio: 0.25,
    internal_groups: ["internal"],
    drift: %{
      average: 0.065245,
      max: 0.913043,
      min_samples: 20,
      over_threshold: 44,
      ready?: false,
      samples: 400,
      threshold: 0.2
    },
    rollback_thresholds: %{latency_p95_ms: 450, error_rate: 0.03, queue_depth: 200},
    last_rollback: nil,
    metrics: %{
      drift_samples: 400,
      dual_run_drift_samples: 487,
      fallbacks: 5,
      remember_legacy: 223,
      remember_memory_os: 221,
      retrieve_legacy: 661,
      retrieve_memory_os: 887,
      rollbacks: 0
    }
  }

  def start_link(options \\ []) do
    state = %{status: Map.merge(@status, Map.new(options)), answer: {:ok, :stored}, asked: []}
    GenServer.start_link(__MODULE__, state, name: __MODULE__)
  end

  def status(server \\ __MODULE__), do: GenServer.call(server, :status)
  def mode(server \\ __MODULE__), do: with({:ok, status} <- status(server), do: {:ok, status.mode})
  def drift_summary(server \\ __MODULE__), do: with({:ok, status} <- status(server), do: {:ok, status.drift})

  def cutover_ready?(server \\ __MODULE__),
    do: with({:ok, drift} <- drift_summary(server), do: {:ok, drift.ready?})

  def set_mode(server \\ __MODULE__, mode), do: GenServer.call(server, {:set_mode, mode})

  def configure_rollout(server \\ __MODULE__, options) when is_list(options),
    do: GenServer.call(server, {:configure_rollout, options})

  def remember(server \\ __MODULE__, target, attrs, options \\ []),
    do:
      GenServer.call(
        server,
        {:remember, target, attrs, options},
        Keyword.get(options, :call_timeout, :infinity)
      )

  def retrieve(server \\ __MODULE__, target, query, options \\ []),
    do:
      GenServer.call(
        server,
        {:retrieve, target, query, options},
        Keyword.get(options, :call_timeout, :infinity)
      )

  def evaluate_rollback(server \\ __MODULE__, snapshot),
    do: GenServer.call(server, {:evaluate_rollback, snapshot})

  def reconcile_post_rollback(server \\ __MODULE__, targets, options \\ []) when is_list(targets),
    do: GenServer.call(server, {:reconcile_post_rollback, targets, options}, :infinity)

  @impl true
  def init(state), do: {:ok, state}

  @impl true
  def handle_call(:status, _from, state),
    do: {:reply, {:ok, state.status}, update_in(state.asked, &[:status | &1])}

  def handle_call({:set_mode, mode}, _from, state), do: {:reply, {:ok, mode}, put_in(state.status.mode, mode)}

  def handle_call({:configure_rollout, options}, _from, state),
    do: {:reply, {:ok, %{}}, update_in(state.status, &Map.merge(&1, Map.new(options)))}

  # The answer is a result, or a function that a call runs in here.
  def handle_call({operation, target, payload, _options}, _from, state)
      when operation in [:remember, :retrieve] do
    answer = if is_function(state.answer), do: state.answer.(operation, target, payload), else: state.answer
    {:reply, answer, state}
  end

  def handle_call({:evaluate_rollback, snapshot}, _from, state) do
    %{mode: mode, rollback_thresholds: limits} = state.status

    if mode == :memory_os and Enum.any?(limits, fn {key, limit} -> snapshot[key] > limit end) do
      rollback = %{
        at: System.system_time(:millisecond),
        mode_before: mode,
        mode_after: :legacy,
        snapshot: snapshot,
        thresholds: limits
      }

      {:reply, {:ok, {:rollback, rollback}},
       update_in(state.status, &Map.merge(&1, %{mode: :legacy, last_rollback: rollback}))}
    else
      {:reply, {:ok, :stable}, state}
    end
  end

  def handle_call({:reconcile_post_rollback, [], _options}, _from, state),
    do: {:reply, {:error, :targets_required}, state}

  def handle_call({:reconcile_post_rollback, targets, options}, _from, state) do
    reports = Enum.map(targets, &reconcile(&1, options))
    done = Enum.filter(reports, &(&1.status == :ok))

    summary = %{
      targets: length(targets),
      successful: length(done),
      failed: length(targets) - length(done),
      migrated_count: done |> Enum.map(& &1.report.migrated_count) |> Enum.sum(),
      reports: reports
    }

    state = update_in(state.asked, &[{:reconcile, length(targets)} | &1])
    answer = if summary.failed == 0, do: {:ok, summary}, else: {:error, {:reconciliation_failed, summary}}
    {:reply, answer, state}
  end

  @impl true
  def handle_info(message, state), do: StandIn.stalled(message, state)

  defp reconcile(target, options) do
    case Jido.MemoryOS.Migration.migrate_target(target, options) do
      {:ok, report} -> %{target: target.id, status: :ok, report: report}
      {:error, reason} -> %{target: target.id, status: :error, reason: reason}
    end
  end
end

defmodule Jido.MemoryOS.Migration do
  # The target says what becomes of it: `records` of which `failing` fail; or `legacy` and `memory_os` counts.
  def migrate_target(target, options \\ [])
  def migrate_target(%{raises: message}, _options), do: raise(message)
  def migrate_target(%{exits: reason}, _options), do: exit(reason)
  def migrate_target(%{id: nil}, _options), do: {:error, :namespace_required}

  def migrate_target(target, options) do
    failing = Map.get(target, :failing, 0)
    report = report(target, failing, options)

    if failing > 0 and options[:on_error] == :halt,
      do: {:error, {:migration_failed, failure(target), report(target, 1, options)}},
      else: {:ok, report}
  end

  def reconcile_target(target, _options \\ []) do
    {:ok,
     %{
       target_id: target.id,
       legacy_namespace: "agent:#{target.id}",
       legacy_count: target.legacy,
       memory_os_count: target.memory_os,
       parity?: target.legacy == target.memory_os,
       per_tier: %{short: 0, mid: 0, long: 0},
       compared_at: System.system_time(:millisecond)
     }}
  end

  defp report(target, failed, options) do
    now = System.system_time(:millisecond)

    %{
      target_id: target.id,
      legacy_namespace: "agent:#{target.id}",
      source_count: target.records,
      migrated_count: target.records - failed,
      skipped_count: 0,
      failed_count: failed,
      failures: List.duplicate(failure(target), failed),
      per_tier: %{short: 0, mid: target.records - failed, long: 0},
      dry_run: Keyword.get(options, :dry_run, false),
      started_at: now,
      finished_at: now
    }
  end

  defp failure(target), do: %{id: "#{target.id}-1", tier: :mid, error: StandIn.error(:upstream_error)}
end

defmodule Jido.MemoryOS do
  alias Jido.MemoryOS.MemoryManager

  def remember(target, attrs, options \\ []), do: MemoryManager.remember(target, attrs, options)
  def retrieve(target, query, options \\ []), do: MemoryManager.retrieve(target, query, options)
  def forget(_target, _id, _options \\ []), do: {:ok, true}
  def prune(_target, _options \\ []), do: {:ok, 0}
  def consolidate(_target, _options \\ []), do: {:ok, %{}}
  def explain_retrieval(_target, _query, _options \\ []), do: {:ok, %{}}
end

defmodule StandIn do
  @moduledoc false

  @doc "Makes a process answer nothing until `resume/1`; `for_ms` is how long it takes at most."
  def stall(server, for_ms \\ :infinity) do
    send(server, {:stall, self(), for_ms})

    receive do
      {:stalled, ^server} -> :ok
    end
  end

  def resume(server), do: send(server, :resume)

  def stalled({:stall, from, for_ms}, state) do
    {:registered_name, name} = Process.info(self(), :registered_name)
    send(from, {:stalled, name})

    receive do
      :resume -> :ok
    after
      for_ms -> :ok
    end

    {:noreply, state}
  end

  def stalled(:resume, state), do: {:noreply, state}

  @doc "An error as MemoryOS gives it, with a payload in it."
  def error(code),
    do: %{message: "upstream memory runtime error", details: %{code: code, trace_id: "mm-4115"}}
end

defmodule Plug.Conn do
  # As much of Plug.Conn as a plug that answers needs.
  defstruct req_headers: [], resp_headers: [], status: nil, resp_body: nil, halted: false

  def get_req_header(conn, name), do: for({^name, value} <- conn.req_headers, do: value)
  def put_resp_header(conn, name, value), do: %{conn | resp_headers: [{name, value} | conn.resp_headers]}
  def put_resp_content_type(conn, type), do: put_resp_header(conn, "content-type", type <> "; charset=utf-8")
  def send_resp(conn, status, body), do: %{conn | status: status, resp_body: IO.iodata_to_binary(body)}
  def halt(conn), do: %{conn | halted: true}
end
