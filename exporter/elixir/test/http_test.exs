defmodule MemoryOSBridge.HTTPTest do
  use BridgeCase

  @moduletag bridge: [port: 0]

  setup tags do
    if tags.bridge && tags.bridge[:port] == 0, do: eventually(&MemoryOSBridge.port/0)
    :ok
  end

  defp connect do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, MemoryOSBridge.port(), [:binary, active: false])
    socket
  end

  defp ask(request) do
    socket = connect()
    :gen_tcp.send(socket, request)
    answer(socket)
  end

  defp answer(socket, read \\ "") do
    case :gen_tcp.recv(socket, 0, 10_000) do
      {:ok, more} -> answer(socket, read <> more)
      {:error, :closed} -> parse(read)
    end
  end

  defp parse(""), do: :closed

  defp parse(response) do
    [head, body] = String.split(response, "\r\n\r\n", parts: 2)
    ["HTTP/1.1 " <> <<status::binary-size(3)>> <> _phrase | headers] = String.split(head, "\r\n")
    {String.to_integer(status), Enum.join(headers, "\n"), body}
  end

  defp get(path, headers \\ ""), do: ask("GET #{path} HTTP/1.1\r\nHost: bridge\r\n#{headers}\r\n")

  test "GET /stats answers the document, and says how long it is" do
    assert {200, headers, body} = get("/stats")
    assert headers =~ "Content-Type: application/json"
    assert headers =~ "Content-Length: #{byte_size(body)}"
    assert headers =~ "Cache-Control: no-store"
    assert body =~ ~s("schema":"memoryos-stats/1")
    assert {200, _, _} = get("/stats?debug=true")
  end

  test "it listens on loopback alone" do
    {:ok, addresses} = :inet.getifaddrs()
    outside = for {_name, options} <- addresses, {:addr, {a, _, _, _} = ip} <- options, a != 127, do: ip
    for ip <- outside, do: assert({:error, :econnrefused} = :gen_tcp.connect(ip, MemoryOSBridge.port(), []))
  end

  test "another path or method is refused" do
    assert {404, _, _} = get("/")
    assert {404, _, _} = get("/stats/../etc/passwd")
    assert {405, headers, _} = ask("POST /stats HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    assert headers =~ "Allow: GET"
    assert {405, _, _} = ask("BREW /stats HTTP/1.1\r\n\r\n")
  end

  test "a body that nobody reads does not cost the client its answer" do
    body = String.duplicate("a", 100_000)

    for _ <- 1..20,
        do: assert({405, _, _} = ask("POST /stats HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" <> body))
  end

  test "what is no HTTP is refused, and what hangs up is forgotten" do
    assert {400, _, _} = ask("\x16\x03\x01\r\n\r\n")
    assert {400, _, _} = ask("GET /stats HTTP/1.1\r\nno colon here\r\n\r\n")
    assert {400, _, _} = ask("GET http://elsewhere/stats HTTP/1.1\r\n\r\n")
    :gen_tcp.close(connect())
    assert {200, _, _} = get("/stats")
  end

  test "a line that is too long, or too many of them, is refused" do
    # The runtime closes the connection by itself when a line is too long.
    assert refused?(ask("GET /stats HTTP/1.1\r\nX-Long: #{String.duplicate("a", 20_000)}\r\n\r\n"))
    assert {431, _, _} = ask("GET /stats HTTP/1.1\r\n#{String.duplicate("X-Many: a\r\n", 100)}\r\n")
    assert refused?(ask("GET /#{String.duplicate("a", 100_000)} HTTP/1.1\r\n\r\n"))
  end

  defp refused?(:closed), do: true
  defp refused?({status, _, _}), do: status in [400, 431]

  test "a client that does not finish its request is sent away in the end" do
    socket = connect()
    :gen_tcp.send(socket, "GET /stats HTTP/1.1\r\nX-Slow: ")
    assert {408, _, _} = answer(socket)
  end

  @tag bridge: [port: 0, max_connections: 2]
  test "connections beyond the limit are answered 503, and served again when there is room" do
    waiting = [connect(), connect()]
    eventually(fn -> length(Task.Supervisor.children(MemoryOSBridge.Connections)) == 2 end)
    assert {503, _, "too many connections\n"} = answer(connect())
    Enum.each(waiting, &:gen_tcp.close/1)
    eventually(fn -> match?({200, _, _}, get("/stats")) end)
  end

  @tag bridge: [port: 0, token: "s3cret"]
  test "with a token only who sends it is answered" do
    assert {200, _, _} = get("/stats", "Authorization: Bearer s3cret\r\n")

    for wrong <-
          [
            "",
            "Authorization: Bearer s3creT\r\n",
            "Authorization: Bearer s3cret2\r\n",
            "Authorization: s3cret\r\n"
          ] ++
            ["Authorization: Bearer \r\n", "Authorization: Basic s3cret\r\n"] do
      assert {401, headers, body} = get("/stats", wrong)
      assert headers =~ "WWW-Authenticate: Bearer"
      refute body =~ "memoryos-stats"
    end
  end

  @tag bridge: [port: 0, timeout_ms: 300]
  test "while both processes are stuck the document still comes" do
    StandIn.stall(MemoryManager)
    StandIn.stall(ReleaseController)
    assert {200, _, body} = get("/stats")
    for part <- ~w(config manager release), do: assert(body =~ ~s("#{part}":"timeout"))
  end

  test "50 readers at once are each answered or told that there are too many" do
    statuses =
      1..50
      |> Task.async_stream(fn _ -> elem(get("/stats"), 0) end, max_concurrency: 50)
      |> Enum.map(&elem(&1, 1))

    assert Enum.all?(statuses, &(&1 in [200, 503]))
    assert 200 in statuses
  end

  @tag bridge: [port: nil]
  test "a port that is taken is said once, does not stop the application, and is used when it is free" do
    {:ok, taken} = :gen_tcp.listen(0, [:binary, ip: {127, 0, 0, 1}])
    {:ok, port} = :inet.port(taken)
    stop_supervised!(MemoryOSBridge)

    log =
      capture_log(fn ->
        start_supervised!({MemoryOSBridge, port: port})
        Process.sleep(1_200)
      end)

    assert length(String.split(log, "address already in use")) == 2
    assert log =~ "127.0.0.1:#{port}"
    assert MemoryOSBridge.port() == nil
    assert MemoryOSBridge.document().manager.queued == 1780
    :gen_tcp.close(taken)
    eventually(fn -> MemoryOSBridge.port() == port end)
    assert {200, _, _} = get("/stats")
  end

  @tag bridge: [port: 0, ip: {0, 0, 0, 0, 0, 0, 0, 1}]
  test "it listens on the loopback of IPv6 too" do
    {:ok, socket} =
      :gen_tcp.connect({0, 0, 0, 0, 0, 0, 0, 1}, MemoryOSBridge.port(), [:inet6, :binary, active: false])

    :gen_tcp.send(socket, "GET /stats HTTP/1.1\r\n\r\n")
    assert {200, _, _} = answer(socket)
  end

  describe "the plug" do
    @describetag bridge: [port: nil]

    defp plug(headers \\ []),
      do: MemoryOSBridge.Plug.call(%Plug.Conn{req_headers: headers}, MemoryOSBridge.Plug.init([]))

    test "answers the document and halts" do
      conn = plug()
      assert %{status: 200, halted: true, resp_body: body} = conn
      assert body =~ ~s("schema":"memoryos-stats/1")
      assert {"content-type", "application/json; charset=utf-8"} in conn.resp_headers
    end

    @tag bridge: [port: nil, token: "s3cret"]
    test "answers only who sends the bridge's token, if it has one" do
      assert plug([{"authorization", "Bearer s3cret"}]).status == 200
      assert %{status: 401, resp_body: "a bearer token is needed\n", halted: true} = conn = plug()
      assert {"www-authenticate", "Bearer"} in conn.resp_headers
      assert plug([{"authorization", "Bearer wrong!"}]).status == 401
    end

    test "takes no options, so that nobody believes to have set one" do
      assert_raise ArgumentError, ~r/takes no options/, fn -> MemoryOSBridge.Plug.init(token: "s3cret") end
    end

    @tag bridge: false
    test "without a bridge answers 503 and says why in the log alone" do
      log =
        capture_log(fn ->
          assert %{status: 503, resp_body: "no document; the node's log says why\n"} = plug()
        end)

      assert log =~ "not running"
    end
  end
end
