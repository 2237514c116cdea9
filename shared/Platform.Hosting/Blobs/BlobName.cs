using System.Buffers;

namespace Platform.Hosting;

/// <summary>What a blob may be called: names are made by the platform, so the rule is narrow and the same in every store.</summary>
public static class BlobName
{
    private static readonly SearchValues<char> Allowed = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@+"
    );

    private static readonly SearchValues<char> AllowedInContainer = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyz0123456789-"
    );

    /// <summary>Splits a name into its container (first segment) and the path within.</summary>
    /// <exception cref="ArgumentException">
    /// An empty segment, "." or "..", a character other than letters, digits and <c>-_.@+</c>, more than 1,024 characters,
    /// or a container that is not 3 to 63 lower-case letters, digits and hyphens.
    /// </exception>
    public static (string Container, string Path) Split(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var container = slash < 0 ? name : name[..slash];
        CheckContainer(container, name);
        var path = slash < 0 ? "" : name[(slash + 1)..];
        if (name.Length > 1024)
        {
            throw new ArgumentException("a blob name has at most 1,024 characters", nameof(name));
        }
        foreach (var segment in path.Split('/'))
        {
            if (
                segment.Length == 0
                || segment[0] == '.'
                || segment[^1] == '.'
                || segment.AsSpan().ContainsAnyExcept(Allowed)
            )
            {
                throw new ArgumentException($"'{name}' is not a blob name", nameof(name));
            }
        }
        return (container, path);
    }

    /// <summary>Splits a prefix, which names at least a whole container: "tenant/" or "tenant/open/ab".</summary>
    /// <exception cref="ArgumentException">The container is not followed by '/', or a segment is not allowed in a name.</exception>
    public static (string Container, string Path) SplitPrefix(string prefix)
    {
        // A prefix may stop anywhere, so it is a name once something is put behind it.
        var (container, path) = Split(prefix + "x");
        if (path.Length == 0)
        {
            throw new ArgumentException(
                $"'{prefix}' does not name a whole container",
                nameof(prefix)
            );
        }
        return (container, path[..^1]);
    }

    private static void CheckContainer(string container, string name)
    {
        if (
            container.Length is < 3 or > 63
            || container[0] == '-'
            || container[^1] == '-'
            || container.Contains("--", StringComparison.Ordinal)
            || container.AsSpan().ContainsAnyExcept(AllowedInContainer)
        )
        {
            throw new ArgumentException(
                $"'{name}': the first segment is the container, 3 to 63 lower-case letters, digits and single hyphens",
                nameof(name)
            );
        }
    }
}
