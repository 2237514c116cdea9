namespace Platform.Standalone;

/// <summary>The user's SCAN argument as the files to submit: one NIfTI file, or every file of a folder of DICOM slices, of one series or several.</summary>
public static class ScanSource
{
    /// <summary>Files in a stable order.</summary>
    /// <param name="path">A .nii, .nii.gz or .nii.zst file, or a folder (its own files only, hidden ones left out).</param>
    /// <exception cref="UsageException">Nothing there, or nothing in the folder.</exception>
    public static IReadOnlyList<FileInfo> Files(string path)
    {
        if (File.Exists(path))
        {
            return [new FileInfo(path)];
        }
        if (!Directory.Exists(path))
        {
            throw new UsageException(
                $"there is no file or folder '{path}'; give a NIfTI file or a folder of DICOM slices"
            );
        }
        var files = new DirectoryInfo(path)
            .EnumerateFiles()
            .Where(file =>
                !file.Name.StartsWith('.')
                && !file.Name.Equals("DICOMDIR", StringComparison.OrdinalIgnoreCase)
            )
            .OrderBy(file => file.Name, StringComparer.Ordinal)
            .ToList();
        return files.Count > 0
            ? files
            : throw new UsageException(
                $"the folder '{path}' is empty; give a NIfTI file or a folder of DICOM slices"
            );
    }
}

/// <summary>The user asked for something that cannot be: printed as one sentence, exit code 1.</summary>
public sealed class UsageException(string message) : Exception(message);
