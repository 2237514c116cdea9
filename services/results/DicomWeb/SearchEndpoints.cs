using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>QIDO-RS (PS3.18 section 10.6) for what the platform made. Matching is by UID and modality; the answer is DICOM JSON, an empty list where nothing matches.</summary>
internal static class SearchEndpoints
{
    private const int LargestPage = 200;
    private const uint Modality = 0x0008_0060;
    private const uint SopClass = 0x0008_0016;
    private const uint SopInstance = 0x0008_0018;
    private const uint StudyInstance = 0x0020_000D;
    private const uint SeriesInstance = 0x0020_000E;

    /// <summary>Attributes of a study in an answer.</summary>
    private static readonly HashSet<uint> OfStudy =
    [
        0x0008_0005,
        0x0008_0020,
        0x0008_0030,
        0x0008_0050,
        0x0008_0090,
        0x0010_0010,
        0x0010_0020,
        0x0010_0021,
        0x0010_0030,
        0x0010_0040,
        StudyInstance,
        0x0020_0010,
    ];

    private static readonly HashSet<uint> OfSeries = [.. OfStudy, Modality, SeriesInstance];

    private static readonly HashSet<uint> OfInstance =
    [
        .. OfSeries,
        SopClass,
        SopInstance,
        0x0020_0013,
    ];

    /// <summary>What can be matched, and what pages an answer.</summary>
    private static readonly (string Name, uint Tag)[] Keys =
    [
        ("StudyInstanceUID", StudyInstance),
        ("SeriesInstanceUID", SeriesInstance),
        ("SOPInstanceUID", SopInstance),
        ("Modality", Modality),
        ("limit", 0),
        ("offset", 0),
        ("includefield", 0),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/studies", StudiesAsync);
        routes.MapGet("/studies/{study}/series", SeriesAsync);
        routes.MapGet("/studies/{study}/instances", InstancesAsync);
        routes.MapGet("/studies/{study}/series/{series}/instances", InstancesAsync);
    }

    private static async Task<IResult> StudiesAsync(
        HttpContext http,
        ResultCatalog catalog,
        IDbContextFactory<ResultsDb> databases
    )
    {
        var search = Search.Of(http);
        var found = search.Matches.TryGetValue(StudyInstance, out var uid)
            ? [await catalog.FindAsync(http.User, uid, http.RequestAborted) ?? []]
            : await NewestAsync(http, catalog, databases, search);
        return Answer(
            from series in found
            where series.Count > 0
            select (
                series[0]
                    .Object.Header()
                    .Add(
                        0x0008_0061,
                        "CS",
                        [.. series.Select(one => one.Object.Modality).Distinct()]
                    )
                    .Add(0x0008_1190, "UR", Address(http, series[0].Object.StudyInstance))
                    .Add(0x0020_1206, "IS", Text(series.Count))
                    .Add(0x0020_1208, "IS", Text(series.Sum(one => one.Instances))),
                OfStudy
            )
        );
    }

    private static async Task<IResult> SeriesAsync(
        HttpContext http,
        string study,
        ResultCatalog catalog
    )
    {
        var search = Search.Of(http);
        var found = await catalog.FindAsync(http.User, study, http.RequestAborted) ?? [];
        return Answer(
            from series in found
            let result = series.Object
            where
                search.Accepts(Modality, result.Modality)
                && search.Accepts(SeriesInstance, result.SeriesInstance)
            select (
                result
                    .Header()
                    .Add(
                        0x0008_1190,
                        "UR",
                        Address(http, result.StudyInstance, result.SeriesInstance)
                    )
                    .Add(0x0020_1209, "IS", Text(series.Instances)),
                OfSeries
            )
        );
    }

    private static async Task<IResult> InstancesAsync(
        HttpContext http,
        string study,
        ResultCatalog catalog,
        string? series = null
    )
    {
        var search = Search.Of(http);
        var found = await catalog.FindAsync(http.User, study, http.RequestAborted) ?? [];
        return Answer(
            from one in found
            let result = one.Object
            where
                (series is null || result.SeriesInstance == series)
                && search.Accepts(Modality, result.Modality)
                && search.Accepts(SeriesInstance, result.SeriesInstance)
            from number in one.Numbers(search.Matches.GetValueOrDefault(SopInstance))
            select (
                result
                    .Header(number)
                    .Add(
                        0x0008_1190,
                        "UR",
                        Address(
                            http,
                            result.StudyInstance,
                            result.SeriesInstance,
                            result.SopInstance(number)
                        )
                    ),
                OfInstance
            )
        );
    }

    /// <summary>Analysed studies, the newest first.</summary>
    private static async Task<List<IReadOnlyList<ResultSeries>>> NewestAsync(
        HttpContext http,
        ResultCatalog catalog,
        IDbContextFactory<ResultsDb> databases,
        Search search
    )
    {
        var tenant = http.User.Tenant();
        await using var db = await databases.CreateDbContextAsync(http.RequestAborted);
        var rows = await db
            .Studies.AsNoTracking()
            .Where(s => s.Tenant == tenant && s.Stage == StudyStage.Analysed)
            .Where(s =>
                !db.Studies.Any(later =>
                    later.Tenant == s.Tenant
                    && later.StudyId == s.StudyId
                    && later.Stage == StudyStage.Analysed
                    && later.Revision > s.Revision
                )
            )
            .OrderByDescending(s => s.ReceivedAt)
            .ThenByDescending(s => s.StudyId)
            .Skip(search.Offset)
            .Take(Math.Clamp(search.Limit, 1, LargestPage))
            .ToListAsync(http.RequestAborted);
        var found = new List<IReadOnlyList<ResultSeries>>();
        foreach (var row in rows)
        {
            var uid = DicomUid.FromPseudonym(row.StudyId);
            found.Add(await catalog.FindAsync(http.User, uid, http.RequestAborted) ?? []);
        }
        return found;
    }

    private static PushStreamHttpResult Answer(
        IEnumerable<(DicomDataset Dataset, HashSet<uint> Attributes)> found
    ) =>
        TypedResults.Stream(
            async body =>
            {
                await using var json = new Utf8JsonWriter(body);
                json.WriteStartArray();
                foreach (var (dataset, attributes) in found)
                {
                    // What the search adds to the object's own attributes is always told.
                    dataset.WriteJson(
                        json,
                        tag =>
                            attributes.Contains(tag)
                            || tag
                                is 0x0008_0061
                                    or 0x0008_1190
                                    or (>= 0x0020_1206 and <= 0x0020_1209)
                    );
                    await json.FlushAsync();
                }
                json.WriteEndArray();
            },
            "application/dicom+json"
        );

    private static string Address(
        HttpContext http,
        string study,
        string? series = null,
        string? instance = null
    ) =>
        $"{http.Request.Scheme}://{http.Request.Host}{http.Request.PathBase}/dicom-web/studies/{study}"
        + (series is null ? "" : $"/series/{series}")
        + (instance is null ? "" : $"/instances/{instance}");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>What a search asks for.</summary>
    private sealed record Search(Dictionary<uint, string> Matches, int Limit, int Offset)
    {
        /// <exception cref="BadHttpRequestException">A key that is not matched, or a number that is none.</exception>
        public static Search Of(HttpContext http)
        {
            var matches = new Dictionary<uint, string>();
            foreach (var (name, value) in http.Request.Query)
            {
                var key = Array.Find(
                    Keys,
                    one =>
                        one.Name.Equals(name, StringComparison.OrdinalIgnoreCase)
                        || one.Tag != 0
                            && one.Tag.ToString("X8", CultureInfo.InvariantCulture)
                                .Equals(name, StringComparison.OrdinalIgnoreCase)
                );
                if (key.Name is null)
                {
                    throw new BadHttpRequestException(
                        $"results cannot be searched by this key; there are {string.Join(", ", Keys.Select(one => one.Name))}"
                    );
                }
                if (key.Tag != 0)
                {
                    matches[key.Tag] = value.ToString();
                }
            }
            return new(matches, Whole(http, "limit", LargestPage), Whole(http, "offset", 0));
        }

        public bool Accepts(uint tag, string value) =>
            !Matches.TryGetValue(tag, out var wanted) || wanted == value;

        private static int Whole(HttpContext http, string name, int otherwise) =>
            http.Request.Query[name].ToString() is not { Length: > 0 } text ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
            : throw new BadHttpRequestException($"{name} is not a whole number");
    }
}
