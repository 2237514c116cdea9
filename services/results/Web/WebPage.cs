using System.Reflection;

namespace Platform.Results;

/// <summary>The web page and the events' schemas, from the assembly itself. The page holds nothing secret: it asks for the key.</summary>
internal static class WebPage
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void Map(IEndpointRouteBuilder routes)
    {
        MapFile(routes, "/", "index.html", "text/html; charset=utf-8");
        MapFile(routes, "/app.js", "app.js", "text/javascript; charset=utf-8");
        MapFile(routes, "/style.css", "style.css", "text/css; charset=utf-8");
        foreach (var schema in new[] { "study-event.v1.json", "drift-event.v1.json" })
        {
            MapFile(routes, $"/schemas/{schema}", schema, "application/schema+json");
        }
    }

    private static void MapFile(
        IEndpointRouteBuilder routes,
        string route,
        string resource,
        string contentType
    )
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        routes
            .MapGet(
                route,
                (HttpContext http) =>
                {
                    var headers = http.Response.Headers;
                    headers.ContentSecurityPolicy = Policy;
                    headers.XContentTypeOptions = "nosniff";
                    headers["Referrer-Policy"] = "no-referrer";
                    headers.CacheControl = "no-cache";
                    return TypedResults.Bytes(bytes, contentType);
                }
            )
            .AllowAnonymous();
    }
}
